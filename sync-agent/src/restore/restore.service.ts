import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { failureCode } from '../failure-code.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { KeyStore } from '../keys/key-store.js';
import { readStandStill, standStill } from '../ledger/stand-still.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { findRestore } from './find-restore.js';
import { pushSteps } from './push-steps.js';

const WATCH = 2_000;
const COMPARE = 60_000;

/**
 * Looks for signs of a restore for as long as the agent runs, and does with the gateway what a restore left to do.
 * Whoever holds the application stops it when `stopped` settles.
 */
@Injectable()
export class RestoreService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('restore');
  private readonly stop = Promise.withResolvers<string>();
  private readonly timers: NodeJS.Timeout[] = [];
  private busy = false;
  private failures = 0;

  constructor(
    @Inject(AGENT_CONFIG) private readonly config: AgentConfig,
    @InjectDataSource() private readonly ledger: DataSource,
    private readonly keys: KeyStore,
    private readonly gateway: GatewayClient,
  ) {}

  /** Why the agent has to stand still. */
  get stopped(): Promise<string> {
    return this.stop.promise;
  }

  onApplicationBootstrap(): void {
    this.timers.push(
      setInterval(() => void this.turn(), WATCH),
      setInterval(() => void this.compare(), COMPARE),
    );
    void this.turn();
  }

  beforeApplicationShutdown(): void {
    this.timers.forEach((timer) => {
      clearInterval(timer);
    });
  }

  private async turn(): Promise<void> {
    if (this.busy) {
      return;
    }
    this.busy = true;
    try {
      const reason = await readStandStill(this.ledger);
      if (reason !== null) {
        this.stop.resolve(reason);
        return;
      }
      const done = await pushSteps({ gateway: this.gateway, ledger: this.ledger });
      if (done.length > 0) {
        this.log.log({ msg: 'after a restore the DMZ was told what it has to know', done });
      }
      this.failures = 0;
    } catch (failure: unknown) {
      this.failures += 1;
      if (this.failures === 1 || this.failures % 30 === 0) {
        this.log.warn({ msg: 'what a restore left to do waits; trying again', error: failureCode(failure) });
      }
    } finally {
      this.busy = false;
    }
  }

  private async compare(): Promise<void> {
    try {
      const { openemrName } = this.config.database;
      const reason = await findRestore(this.ledger, openEmrTables(openemrName), this.keys.resourceIdKey);
      if (reason !== null) {
        await standStill(this.ledger, reason);
      }
    } catch (failure: unknown) {
      this.log.warn({ msg: 'ledger and OpenEMR could not be compared; trying again', error: failureCode(failure) });
    }
  }
}
