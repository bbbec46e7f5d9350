import type { Logger } from '@nestjs/common';
import { failureCode } from '../failure-code.js';
import type { AgentCounters } from '../metrics/agent-counters.js';
import { reasonOf } from './describe-failure.js';
import type { HeartbeatSender } from './heartbeat.js';
import { HeartbeatAhead } from './replica-ahead.js';

/** Said of the first heartbeat that is not taken, and of every so many of those that follow. */
const SAID_EVERY = 20;

/** Sends heartbeats one by one; a failure is a line in the log at most, and waits for the next turn. */
export class HeartbeatTurns {
  private failures = 0;

  constructor(
    private readonly sender: HeartbeatSender,
    private readonly counters: AgentCounters,
    private readonly log: Logger,
  ) {}

  async beat(): Promise<void> {
    try {
      if (!(await this.sender.send())) {
        return;
      }
      this.counters.heartbeats.inc({ outcome: 'sent' });
      if (this.failures > 0) {
        this.log.log({ msg: 'heartbeats arrive again' });
      }
      this.failures = 0;
    } catch (failure: unknown) {
      if (failure instanceof HeartbeatAhead) {
        this.log.error({ msg: 'heartbeats are stopped', code: failure.code, reason: failure.message });
        return;
      }
      this.failures += 1;
      this.counters.heartbeats.inc({ outcome: 'failed' });
      if (this.failures === 1 || this.failures % SAID_EVERY === 0) {
        this.log.warn({
          msg: 'a heartbeat was not taken; the next follows',
          code: failureCode(failure),
          reason: reasonOf(failure),
        });
      }
    }
  }
}
