import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Credentials, PortalClient } from '../demo/portal-client.js';

/** One message as its sender knows it. `unanswered` ones were abandoned: they may count 0 or 1, never 2. */
export interface JournalEntry {
  patient: number;
  /** unique in the whole run, part of the text */
  token: string;
  thread: number;
  /** order within its thread, from 1 */
  place: number;
  state: 'accepted' | 'unanswered' | 'refused';
}

const RETRY_PAUSE = 300;

/**
 * A patient who writes one message after the other and keeps the journal. A request without an answer, or answered
 * by a fault of the server, is sent again with its own idempotency key until there is an answer.
 */
export class JournallingPatient {
  private readonly threads: { threadId: string | null; next: number }[] = [{ threadId: null, next: 1 }];
  private writing: Promise<void> | undefined;
  private stopped = false;

  constructor(
    readonly patient: number,
    readonly client: PortalClient,
    private readonly credentials: Credentials,
    readonly patientRef: string,
    readonly journal: JournalEntry[],
    private readonly pause: number,
  ) {}

  start(): void {
    this.stopped = false;
    this.writing = this.write();
  }

  /** Ends after the message under way has its answer. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.writing;
  }

  private async write(): Promise<void> {
    while (!this.stopped) {
      await this.sendOne();
      await sleep(this.pause);
    }
  }

  private async sendOne(): Promise<void> {
    const last = this.threads.length - 1;
    let thread = this.threads[last];
    if (thread === undefined || thread.next > 6) {
      thread = { threadId: null, next: 1 };
      this.threads.push(thread);
    }
    const entry: JournalEntry = {
      patient: this.patient,
      token: `tok${randomUUID().replaceAll('-', '')}`,
      thread: this.threads.length - 1,
      place: thread.next,
      state: 'unanswered',
    };
    this.journal.push(entry);
    const key = randomUUID();
    const message = {
      threadId: thread.threadId,
      topic: 'General',
      subject: `Thread ${String(entry.thread)} of patient ${String(this.patient)}`,
      body: `${entry.token} is message ${String(entry.place)}`,
    };
    for (;;) {
      const answer = await this.client.sendMessage(this.patientRef, message, key).catch(() => undefined);
      if (answer?.status === 201) {
        thread.threadId = String(answer.body['threadId']);
        thread.next += 1;
        entry.state = 'accepted';
        return;
      }
      if (answer?.status === 401) {
        await this.signInAgain();
      } else if (answer !== undefined && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
        entry.state = 'refused';
        throw new Error(`a message was refused with ${String(answer.status)} ${String(answer.body['code'])}`);
      }
      await sleep(RETRY_PAUSE);
    }
  }

  /** A killed Redis of the DMZ signs people out: the one loss that is allowed. */
  async signInAgain(): Promise<void> {
    for (;;) {
      try {
        await this.client.signIn(this.credentials);
        return;
      } catch {
        await sleep(1_000);
      }
    }
  }
}
