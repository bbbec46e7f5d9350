import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, In, IsNull } from 'typeorm';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { AccountGrant, Invite, Outgoing } from '../ledger/enrolment.entities.js';
import { QueuesService } from '../queues/queues.service.js';
import { pushOwed, type Owed } from './push-owed.js';
import { failureCode } from '../failure-code.js';

const SWEEP = 2_000;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;

/**
 * Keeps the DMZ informed about invites, enrolments and grants. Woken after every decision; a sweep of the rows that are
 * still owed finds what a lost wake, another process (the command line) or a gateway that was away left behind.
 */
@Injectable()
export class EnrolService implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('enrol');
  private readonly owed: Owed;
  private failures = 0;
  private refusals = 0;
  private notBefore = 0;
  private sweep: NodeJS.Timeout | undefined;
  private readonly refused = new Set<string>();

  constructor(
    gateway: GatewayClient,
    @InjectDataSource() private readonly ledger: DataSource,
    private readonly queues: QueuesService,
  ) {
    this.owed = {
      gateway,
      ledger,
      onRefused: (kind, id) => {
        this.refusals += 1;
        if (!this.refused.has(id)) {
          this.refused.add(id);
          this.log.error({
            msg: 'the gateway refuses what it is owed; compare the versions of the two sides',
            kind,
            id,
          });
        }
      },
    };
  }

  onModuleInit(): void {
    this.queues.handle('collections', 'push-owed', () => this.push(), 2);
  }

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => void this.wakeWhenOwed(), SWEEP);
    void this.wakeWhenOwed();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.sweep);
  }

  private async push(): Promise<void> {
    this.refusals = 0;
    try {
      await pushOwed(this.owed);
      if (this.refusals === 0) {
        this.failures = 0;
        this.notBefore = 0;
      } else {
        this.pause();
      }
    } catch (failure: unknown) {
      this.pause();
      if (this.failures === 1 || this.failures % 20 === 0) {
        this.log.warn({
          msg: 'the DMZ could not be told; trying again',
          error: failureCode(failure),
          times: this.failures,
        });
      }
    }
  }

  /** For the sweep only: what is decided from now on is pushed at once. */
  private pause(): void {
    this.failures += 1;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.failures - 1, 10));
    this.notBefore = Date.now() + pause * (0.5 + Math.random() / 2);
  }

  private async wakeWhenOwed(): Promise<void> {
    if (Date.now() < this.notBefore) {
      return;
    }
    try {
      if (await this.isOwed()) {
        this.queues.wake('collections', 'push-owed', 'owed');
      }
    } catch (failure: unknown) {
      this.log.debug({ msg: 'the ledger could not be swept', error: failureCode(failure) });
    }
  }

  private async isOwed(): Promise<boolean> {
    const { manager } = this.ledger;
    return (
      (await manager.existsBy(Invite, { pushedAt: IsNull(), state: In(['open', 'void', 'expired']) })) ||
      (await manager.existsBy(Outgoing, { pushedAt: IsNull() })) ||
      (await manager.existsBy(AccountGrant, { pushedAt: IsNull(), state: 'active' }))
    );
  }
}
