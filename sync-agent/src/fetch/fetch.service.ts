import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Pool } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig, OpenEmrApiConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { failureCode } from '../failure-code.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { GatewayFailure } from '../gateway-client/gateway-failures.js';
import { KeyStore } from '../keys/key-store.js';
import { API_FAILURES, OpenEmrApiFailure, type ApiFailureCode } from '../openemr/api-failures.js';
import { CCD_DOCUMENT } from '../ledger/ccd-request.entity.js';
import { OpenEmrApi } from '../openemr/openemr-api.js';
import { OPENEMR_READER } from '../openemr/openemr.module.js';
import { LAST_PLACE, QueuesService } from '../queues/queues.service.js';
import { fetchDocument, type Fetching } from './fetch-document.js';
import { chartsWithGone, forgetGone, postpone, readBlobIds, readWanted, type WantedBlob } from './wanted-blobs.js';

const TURN = 500;
const AT_ONCE = 50;
/** So many documents one after the other are no longer these documents' fault. */
const IN_A_ROW = 3;
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 60_000;

/**
 * Brings documents' bytes into the DMZ, one at a time, behind the lists that name them: lists never wait for bytes. The
 * ledger says what is wanted and what is gone. While OpenEMR's API or the gateway does not answer, nothing is asked for a
 * growing pause; a document that OpenEMR cannot hand out waits alone.
 */
@Injectable()
export class FetchService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('fetch');
  private readonly fetching: Fetching;
  private readonly apiConfig: OpenEmrApiConfig | undefined;
  private api: OpenEmrApi | undefined;
  private timer: NodeJS.Timeout | undefined;
  private turn: Promise<void> | undefined;
  private failures = 0;
  private failedInARow = 0;
  private pausedUntil = 0;
  private stopping = false;

  constructor(
    @Inject(AGENT_CONFIG) config: AgentConfig,
    @InjectDataSource() ledger: DataSource,
    @Inject(OPENEMR_READER) reader: Pool,
    keys: KeyStore,
    private readonly gateway: GatewayClient,
    private readonly queues: QueuesService,
  ) {
    this.fetching = { ledger, reader, keys, gateway };
    this.apiConfig = config.openemrApi;
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.turn ??= this.takeTurn().finally(() => {
        this.turn = undefined;
      });
    }, TURN);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearInterval(this.timer);
    await this.api?.close();
    await this.turn;
  }

  private async takeTurn(): Promise<void> {
    if (this.pausedUntil > Date.now()) {
      return;
    }
    try {
      await this.dropGone();
      if (this.apiConfig !== undefined) {
        await this.fetchWanted(this.apiConfig);
      }
      this.failures = 0;
    } catch (failure: unknown) {
      this.pause(failure);
    }
  }

  private async fetchWanted(config: OpenEmrApiConfig): Promise<void> {
    const { manager } = this.fetching.ledger;
    for (let wanted = await readWanted(manager, AT_ONCE); wanted.length > 0;) {
      const isFull = wanted.filter(({ documentId }) => documentId !== CCD_DOCUMENT).length === AT_ONCE;
      this.api ??= await OpenEmrApi.open(config);
      for (const [index, blob] of wanted.entries()) {
        if (this.stopping) {
          return;
        }
        await this.fetchOne(this.api, blob);
        if (wanted[index + 1]?.patientRef !== blob.patientRef) {
          // A full portion is years of bytes sent again: its lists stand behind the changes of the day.
          if (isFull && blob.documentId !== CCD_DOCUMENT) {
            this.queues.wake('refills', 'render-later', blob.patientRef, LAST_PLACE);
          } else {
            this.queues.wake('replications', 'render-chart', blob.patientRef, LAST_PLACE);
          }
          await this.keepOnly(blob.patientRef);
        }
      }
      await this.dropGone();
      wanted = await readWanted(manager, AT_ONCE);
    }
  }

  /** @throws when it seems that others would fail, too */
  private async fetchOne(api: OpenEmrApi, blob: WantedBlob): Promise<void> {
    const isCcd = blob.documentId === CCD_DOCUMENT;
    try {
      const outcome = await fetchDocument(this.fetching, api, blob);
      this.failedInARow = 0;
      if (outcome === 'none' && isCcd) {
        this.log.warn({ msg: 'OpenEMR made no C-CDA that can be used; it is asked again in a day, or by the patient' });
      }
    } catch (failure: unknown) {
      await postpone(this.fetching.ledger, blob);
      this.failedInARow += isCcd ? 0 : 1;
      if (!mayBeAboutOne(failure, isCcd) || this.failedInARow >= IN_A_ROW) {
        throw failure;
      }
      this.log.warn({ msg: 'a document was not fetched; it is tried again', code: failureCode(failure) });
    }
  }

  private async dropGone(): Promise<void> {
    const { ledger } = this.fetching;
    for (const patientRef of await chartsWithGone(ledger.manager, AT_ONCE)) {
      await this.keepOnly(patientRef);
    }
  }

  /** Whatever else the gateway holds of the chart goes, also what a restored ledger does not know. */
  private async keepOnly(patientRef: string): Promise<void> {
    const { ledger } = this.fetching;
    const { keep, gone } = await readBlobIds(ledger.manager, patientRef);
    await this.gateway.sendBlobKeep({ patientRef, keep });
    crashPoint('after-push:blob-keep');
    await forgetGone(ledger, gone);
  }

  private pause(failure: unknown): void {
    this.failures += 1;
    this.pausedUntil = Date.now() + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.failures - 1, 10));
    if (this.stopping || (this.failures > 1 && this.failures % 20 !== 0)) {
      return;
    }
    const own = failure instanceof OpenEmrApiFailure || failure instanceof GatewayFailure;
    this.log.warn({
      msg: 'documents wait for their bytes; their lists go on without them',
      code: failureCode(failure),
      reason: own ? failure.message : failureCode(failure),
      failures: this.failures,
    });
  }
}

/** What only making a C-CDA needs. */
const ABOUT_CCD: readonly ApiFailureCode[] = [
  API_FAILURES.patientUnnamed,
  API_FAILURES.scopeMissing,
  API_FAILURES.scopeUnknown,
  API_FAILURES.tokenRefused,
];

const ABOUT_ONE: readonly ApiFailureCode[] = [
  API_FAILURES.unavailable,
  API_FAILURES.tooSlow,
  API_FAILURES.broken,
  API_FAILURES.answer,
  API_FAILURES.refused,
];

/** OpenEMR answers, and what it answers may be due to this document, or to its being a C-CDA. */
function mayBeAboutOne(failure: unknown, isCcd: boolean): boolean {
  const codes = isCcd ? [...ABOUT_ONE, ...ABOUT_CCD] : ABOUT_ONE;
  return failure instanceof OpenEmrApiFailure && codes.includes(failure.code);
}
