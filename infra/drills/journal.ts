import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortalRefused, retryAfter, type Credentials, type PortalClient } from '../demo/portal-client.js';
import type { RandomChoice } from './random-choice.js';

/** One message as its sender knows it. `unanswered` ones were given up: they may count 0 or 1, never 2. */
export interface JournalEntry {
  patient: number;
  /** unique in the whole run, part of the text */
  token: string;
  thread: number;
  /** order within its thread, from 1 */
  place: number;
  state: 'accepted' | 'unanswered' | 'refused';
  /** when the answer came, milliseconds since 1970 */
  acceptedAt?: number;
}

interface JournalThread {
  threadId: string | null;
  next: number;
}

const RETRY_PAUSE = 300;
/** Nobody waits for ever: so long without what was asked for ends the drill, milliseconds. */
const PATIENCE = 300_000;
const THREAD_LENGTH = 6;
/** One request in so many that got no answer is never repeated, like that of a closed browser. */
const GIVEN_UP = 8;
/** portal-api takes so many messages of one account in a day and then asks to come back much later */
const A_DAY_IS_OVER = 1_800_000;

/**
 * A patient who writes one message after the other and keeps the journal. A request without an answer, or answered
 * by a fault of the server, is sent again with its own idempotency key until there is an answer, or given up.
 */
export class JournallingPatient {
  private readonly threads: JournalThread[] = [{ threadId: null, next: 1 }];
  private writing: Promise<void> | undefined;
  private stopped = false;
  /** portal-api takes no more messages of this account today; what it has accepted stays in the journal */
  dayIsOver = false;

  constructor(
    readonly patient: number,
    readonly client: PortalClient,
    private readonly credentials: Credentials,
    readonly patientRef: string,
    readonly journal: JournalEntry[],
    private readonly choice: RandomChoice,
    private readonly pause: number,
  ) {}

  start(): void {
    this.stopped = false;
    this.dayIsOver = false;
    this.writing = this.write();
    // Whoever stops the patient hears of it.
    this.writing.catch(() => undefined);
  }

  /** Ends after the message under way has its answer. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.writing;
  }

  /** The same person who begins all threads anew, as after a look at a list in which the old ones are not. */
  forgetThreads(): void {
    this.threads.push({ threadId: null, next: 1 });
  }

  /** Signs in when the session is gone: a killed Redis of the DMZ signs people out, the one loss that is allowed. */
  async ensureSignedIn(): Promise<void> {
    for (const limit = Date.now() + PATIENCE; ;) {
      const session = await this.client.get('/api/session').catch(() => undefined);
      if (session?.status === 200) {
        return;
      }
      if (session?.status === 401) {
        await signInAtLast(this.client, this.credentials);
        return;
      }
      if (Date.now() > limit) {
        throw overdue(`the session of patient ${String(this.patient)}`, session?.status);
      }
      await sleep(RETRY_PAUSE);
    }
  }

  private async write(): Promise<void> {
    while (!this.stopped && (await this.sendOne())) {
      // A person looks at the thread after writing; what is read here is compared at the end.
      await this.client.section(this.patientRef, 'messages').catch(() => undefined);
      await sleep(this.pause);
    }
  }

  /** @returns false when the patient may not write any more today */
  private async sendOne(): Promise<boolean> {
    const thread = this.currentThread();
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
    for (const limit = Date.now() + PATIENCE; ;) {
      const answer = await this.client.sendMessage(this.patientRef, message, key).catch(() => undefined);
      if (answer?.status === 201) {
        thread.threadId = String(answer.body['threadId']);
        thread.next += 1;
        entry.state = 'accepted';
        entry.acceptedAt = Date.now();
        return true;
      }
      if (answer === undefined && this.choice.below(GIVEN_UP) === 0) {
        thread.next += 1;
        return true;
      }
      if (answer?.status === 401) {
        await this.ensureSignedIn();
      } else if (answer !== undefined && retryAfter(answer) >= A_DAY_IS_OVER) {
        entry.state = 'refused';
        this.dayIsOver = true;
        return false;
      } else if (answer !== undefined && answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
        entry.state = 'refused';
        throw new Error(`a message was refused with ${String(answer.status)} ${String(answer.body['code'])}`);
      }
      if (Date.now() > limit) {
        const what = `a message of patient ${String(this.patient)} to be accepted`;
        throw overdue(
          what,
          answer === undefined ? undefined : `${String(answer.status)} ${String(answer.body['code'])}`,
        );
      }
      await sleep(Math.max(RETRY_PAUSE, answer === undefined ? 0 : retryAfter(answer)));
    }
  }

  /** A thread whose first message got no answer has no id that its sender knows; it is left alone. */
  private currentThread(): JournalThread {
    const thread = this.threads.at(-1);
    if (thread !== undefined && thread.next <= THREAD_LENGTH && (thread.threadId !== null || thread.next === 1)) {
      return thread;
    }
    const fresh = { threadId: null, next: 1 };
    this.threads.push(fresh);
    return fresh;
  }
}

/** @param last what came instead */
function overdue(what: string, last: string | number | undefined): Error {
  return new Error(`waited ${String(PATIENCE / 1_000)} s in vain for ${what}; at last: ${String(last ?? 'no answer')}`);
}

/** Signs in however often parts of the system die on the way, waiting as long as portal-api asks. */
export async function signInAtLast(client: PortalClient, credentials: Credentials): Promise<void> {
  for (const limit = Date.now() + PATIENCE; ;) {
    try {
      await client.signIn(credentials);
      return;
    } catch (error: unknown) {
      if (Date.now() > limit) {
        throw overdue(`${credentials.name} to be signed in`, error instanceof Error ? error.message : undefined);
      }
      await sleep(Math.max(1_000, error instanceof PortalRefused ? error.retryAfter : 0));
    }
  }
}
