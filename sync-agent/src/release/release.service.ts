import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { failureCode } from '../failure-code.js';
import { expireDecisions } from './expire-decisions.js';
import { dropOldReleaseTimes } from './release-times.js';

const TURN = 5_000;
/** Turns between two looks for times that are too old to be kept. */
const FORGET_EVERY = 720;

/** Ends decisions when their time is over. The ledger knows when; this only looks, and looks again after a failure. */
@Injectable()
export class ReleaseService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('release');
  private timer: NodeJS.Timeout | undefined;
  private turn: Promise<void> | undefined;
  private turns = 0;

  constructor(@InjectDataSource() private readonly ledger: DataSource) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.look();
    }, TURN);
    this.look();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.turn;
  }

  private look(): void {
    this.turn ??= this.expire().finally(() => {
      this.turn = undefined;
    });
  }

  private async expire(): Promise<void> {
    try {
      for (const decision of await expireDecisions(this.ledger)) {
        this.log.log({ msg: 'a decision about release has expired', decision });
      }
      if (this.turns % FORGET_EVERY === 0) {
        await dropOldReleaseTimes(this.ledger);
      }
      this.turns += 1;
    } catch (failure: unknown) {
      this.log.warn({ msg: 'expired decisions were not looked for; the next turn comes', code: failureCode(failure) });
    }
  }
}
