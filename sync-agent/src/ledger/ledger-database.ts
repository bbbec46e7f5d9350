import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import mysql2, { type Pool, type PoolOptions } from 'mysql2';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Account, LedgerAddress } from '../config.js';
import { CcdRequest } from './ccd-request.entity.js';
import { ChartSection } from './chart-section.entity.js';
import { Chart } from './chart.entity.js';
import {
  ClockMarker,
  Dirty,
  FeedPosition,
  HeartbeatState,
  MarkerSeen,
  Polling,
  SourceRowOfChart,
} from './change-feed.entities.js';
import { CutRow } from './cut.entity.js';
import { DocumentBlob } from './document-blob.entity.js';
import { AccountGrant, Invite, Outgoing } from './enrolment.entities.js';
import { CreateLedger1763800000000 } from './migrations/1763800000000-create-ledger.js';
import { AddEras1763900000000 } from './migrations/1763900000000-add-eras.js';
import { CreateCut1763900000001 } from './migrations/1763900000001-create-cut.js';
import { AddForgottenDeliveries1763900000010 } from './migrations/1763900000010-add-forgotten-deliveries.js';
import { CreateDocumentBlob1764000000000 } from './migrations/1764000000000-create-document-blob.js';
import { CreateReconciliation1764000000001 } from './migrations/1764000000001-create-reconciliation.js';
import { CreateRelease1764100000000 } from './migrations/1764100000000-create-release.js';
import { CreatePatientDecision1764200000000 } from './migrations/1764200000000-create-patient-decision.js';
import { CreateWithdrawnClass1764300000001 } from './migrations/1764300000001-create-withdrawn-class.js';
import { CreatePolling1764300000002 } from './migrations/1764300000002-create-polling.js';
import { AddChartRenderedAt1764300000003 } from './migrations/1764300000003-add-chart-rendered-at.js';
import { AddPatientWish1764400000000 } from './migrations/1764400000000-add-patient-wish.js';
import { AddCcdRequest1764500000000 } from './migrations/1764500000000-add-ccd-request.js';
import { CreateVanishedClass1764600000000 } from './migrations/1764600000000-create-vanished-class.js';
import { AddStatementProof1764700000000 } from './migrations/1764700000000-add-statement-proof.js';
import { AllowUnknownChangeTime1764800000000 } from './migrations/1764800000000-allow-unknown-change-time.js';
import { CreateReleasedSection1764900000000 } from './migrations/1764900000000-create-released-section.js';
import { CreateHeldLoss1764900000001 } from './migrations/1764900000001-create-held-loss.js';
import { CreateAckedClass1765000000000 } from './migrations/1765000000000-create-acked-class.js';
import { AddFeedClock1765100000000 } from './migrations/1765100000000-add-feed-clock.js';
import { PatientDecision } from './patient-decision.entity.js';
import { Patient } from './patient.entity.js';
import {
  AckedClass,
  LostSubmission,
  Reconciliation,
  ReconciliationDifference,
  ReconciliationSignOff,
  ReconciliationState,
  ReconciliationStatementRow,
  Vanished,
  VanishedClass,
  HeldLoss,
} from './reconciliation.entities.js';
import {
  LateRelease,
  ReleaseDecisionRow,
  ReleasedSectionRow,
  ReleaseTime,
  WithheldItemRow,
} from './release.entities.js';
import { Era, ForgottenDelivery, RestoreStep } from './restore.entities.js';
import { Stream, Submission, Thread, ThreadMail } from './submission.entities.js';
import { WithdrawnClass } from './withdrawn-class.entity.js';

export const LEDGER_ENTITIES = [
  Patient,
  Chart,
  ChartSection,
  Dirty,
  SourceRowOfChart,
  FeedPosition,
  ClockMarker,
  MarkerSeen,
  Polling,
  HeartbeatState,
  Invite,
  AccountGrant,
  Outgoing,
  Submission,
  Stream,
  Thread,
  ThreadMail,
  Era,
  RestoreStep,
  ForgottenDelivery,
  CutRow,
  DocumentBlob,
  Reconciliation,
  ReconciliationStatementRow,
  ReconciliationState,
  ReconciliationDifference,
  ReconciliationSignOff,
  AckedClass,
  Vanished,
  VanishedClass,
  HeldLoss,
  LostSubmission,
  PatientDecision,
  ReleaseDecisionRow,
  WithheldItemRow,
  ReleaseTime,
  LateRelease,
  ReleasedSectionRow,
  WithdrawnClass,
  CcdRequest,
] as const;

/**
 * The server ends a statement that takes too long, and a transaction whose client is not heard any more with all its
 * locks: neither may stop the feed, which every render waits for.
 */
const SESSION = [
  "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 10",
  'SET SESSION max_statement_time = 60, idle_transaction_timeout = 120',
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
] as const;

/** The ledger's server was not heard for too long. Idle connections end in this way, too; the pool opens new ones. */
export class LedgerSilent extends Error {
  readonly code = 'ledger-silent';
  constructor() {
    super("the ledger's database server was not heard for too long");
  }
}

const OverStream = z.object({ stream: z.instanceof(Socket) });

/** Longer than any statement may take: a server that says nothing for so long is not there, milliseconds. */
const SILENCE = 75_000;

/**
 * mysql2 as TypeORM loads it, but every new connection gets the session's settings before its first statement, and one
 * that was dropped without a word fails instead of waiting for minutes.
 */
const driverWith = (silence: number): object => ({
  ...mysql2,
  createPool: (options: PoolOptions): Pool => {
    const pool = mysql2.createPool(options);
    pool.on('connection', (connection) => {
      const { stream } = OverStream.parse(connection);
      stream.setTimeout(silence, () => {
        stream.destroy(new LedgerSilent());
      });
      for (const setting of SESSION) {
        connection.query(setting, (failure) => {
          if (failure !== null) {
            connection.destroy();
          }
        });
      }
    });
    return pool;
  },
});

/**
 * The ledger, not yet connected. As the writer one transaction reaches the ledger and, by qualified names, the few
 * OpenEMR tables the writer may write. Every session runs in UTC, READ COMMITTED (locks on rows found, not on gaps, so
 * that feed, renders and deliveries do not deadlock) and with the strict mode OpenEMR's zero dates allow.
 */
export function createLedgerDataSource(address: LedgerAddress, account: Account, silence = SILENCE): DataSource {
  return new DataSource({
    type: 'mariadb',
    driver: driverWith(silence),
    host: address.host,
    port: address.port,
    username: account.user,
    password: account.password,
    database: address.ledgerName,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    supportBigNumbers: true,
    bigNumberStrings: false,
    connectTimeout: 10_000,
    ssl: { ca: readFileSync(address.caFile), minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true },
    entities: [...LEDGER_ENTITIES],
    migrations: [
      CreateLedger1763800000000,
      AddEras1763900000000,
      CreateCut1763900000001,
      AddForgottenDeliveries1763900000010,
      CreateDocumentBlob1764000000000,
      CreateReconciliation1764000000001,
      CreateRelease1764100000000,
      CreatePatientDecision1764200000000,
      CreateWithdrawnClass1764300000001,
      CreatePolling1764300000002,
      AddChartRenderedAt1764300000003,
      AddPatientWish1764400000000,
      AddCcdRequest1764500000000,
      CreateVanishedClass1764600000000,
      AddStatementProof1764700000000,
      AllowUnknownChangeTime1764800000000,
      CreateReleasedSection1764900000000,
      CreateHeldLoss1764900000001,
      CreateAckedClass1765000000000,
      AddFeedClock1765100000000,
    ],
    migrationsTableName: 'migration',
    synchronize: false,
    logging: false,
    poolSize: 12,
    flags: ['-LOCAL_FILES'],
    extra: { enableKeepAlive: true },
  });
}
