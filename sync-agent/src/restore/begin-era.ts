import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { Eras, FIRST_ERA, type EraStatement } from 'sync-contract/era-statement';
import type { Signed } from 'sync-contract/signed';
import { crashPoint } from '../crash-point.js';
import { oweEverything } from '../ledger/owe-everything.js';
import { highestMailId, noteForgottenDeliveries } from '../openemr/compare-deliveries.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import { confirmInTransaction, freezeStrangePatients } from './freeze-patients.js';
import { undoLostDeliveries } from './undo-lost-deliveries.js';

export interface EraBeginning {
  statement: EraStatement;
  signed: Signed;
  tables: OpenEmrTables;
  resourceIdKey: Uint8Array;
  /** patients of whom a person has found that OpenEMR's record is still theirs */
  samePatients: readonly number[];
}

export interface BegunEra {
  era: number;
  /** charts that are rendered and sent anew */
  charts: number;
  /** messages that OpenEMR lost and gets again */
  deliveredAgain: number;
  /** pids whose record in OpenEMR may be somebody else's by now; they wait for `confirmPatients` */
  frozen: number[];
}

const Highest = z.array(z.object({ era: z.coerce.number().nullable() }));
const Counted = z.array(z.object({ n: z.coerce.number() }));

/** The highest era that this ledger or, by the root's word, the DMZ has seen. The DMZ's own numbers do not count. */
export async function highestEra(
  ledger: Pick<DataSource, 'query'>,
  fromGateway: readonly Signed[],
  root: { publicKey: Uint8Array; site: string },
): Promise<number> {
  const eras = new Eras(root.publicKey, root.site);
  for (const signed of fromGateway) {
    try {
      eras.add(signed);
    } catch {
      // Not the root's word: it counts as little as any other number of the DMZ.
    }
  }
  const rows: unknown = await ledger.query(
    `SELECT MAX(era) AS era FROM (SELECT era FROM era UNION ALL SELECT era FROM heartbeat_state
        UNION ALL SELECT era FROM chart) known`,
  );
  return Math.max(eras.highest, Highest.parse(rows)[0]?.era ?? FIRST_ERA);
}

/** The era whose beginning is done here and not yet known to the DMZ; null when there is none. */
export async function begunButNotTold(ledger: Pick<DataSource, 'query'>): Promise<number | null> {
  const rows: unknown = await ledger.query(
    `SELECT MAX(era) AS era FROM era WHERE EXISTS (SELECT 1 FROM restore_step WHERE step = 'reoffer')
        AND NOT EXISTS (SELECT 1 FROM restore_step WHERE step = 'era')
        AND NOT EXISTS (SELECT 1 FROM heartbeat_state WHERE stopped_reason IS NOT NULL)`,
  );
  return Highest.parse(rows)[0]?.era ?? null;
}

/**
 * Begins a new era, in one transaction: numbers start again above all that was ever sent, everything is owed to the DMZ,
 * the DMZ is to offer its outbox again, and what OpenEMR lost is delivered again. A crash leaves it done or not begun.
 */
export async function beginEra(ledger: DataSource, beginning: EraBeginning): Promise<BegunEra> {
  const begun = await ledger.transaction(async (manager) => {
    const outcome = await beginInTransaction(manager, beginning);
    crashPoint('before-commit:begin-era');
    return outcome;
  });
  crashPoint('after-commit:begin-era');
  return begun;
}

async function beginInTransaction(
  manager: EntityManager,
  { statement: { era }, signed, tables, resourceIdKey, samePatients }: EraBeginning,
): Promise<BegunEra> {
  await manager.query('INSERT INTO era (era, signed, begun_at, mails_up_to) VALUES (?, ?, UTC_TIMESTAMP(3), ?)', [
    era,
    JSON.stringify(signed),
    await highestMailId(manager, tables),
  ]);
  await manager.query('DELETE FROM restore_step');
  await manager.query("INSERT INTO restore_step (step) VALUES ('reoffer'), ('streams')");
  await manager.query('REPLACE INTO heartbeat_state (id, era, seq) VALUES (1, ?, 0)', [era]);
  await manager.query(
    `UPDATE chart SET era = ?, seq = 0, attempted_seq = 0, manifest = NULL, manifest_hash = NULL, failed_t = NULL,
        stopped_reason = NULL`,
    [era],
  );
  // The binlog may be another one by now; without a position the feed begins at its end with everything dirty.
  for (const table of ['dirty', 'marker_seen', 'feed_position']) {
    await manager.query(`DELETE FROM ${table}`);
  }
  // By numbers that begin anew.
  for (const table of ['vanished', 'vanished_class']) {
    await manager.query(`DELETE FROM ${table}`);
  }
  // What charts had stays known, and what waits for a person waits on; an older ledger may have allowed another loss.
  await manager.query('UPDATE held_loss SET allowed_at = NULL');
  await manager.query('UPDATE acked_class SET seq = 0');
  // What their keys have sealed since is not known here, and a key seals one content: documents get new ones.
  await manager.query('DELETE FROM document_blob');
  await oweEverything(manager);
  const deliveredAgain = await undoLostDeliveries(manager, tables, resourceIdKey);
  await noteForgottenDeliveries(manager, tables);
  await confirmInTransaction(manager, { tables, resourceIdKey }, samePatients);
  const frozen = await freezeStrangePatients(manager, { tables, resourceIdKey });
  const charts: unknown = await manager.query('SELECT COUNT(*) AS n FROM chart');
  return { era, charts: Counted.parse(charts)[0]?.n ?? 0, deliveredAgain, frozen };
}
