import type { MessageSentView, SendMessage } from 'portal-api/http';
import { api } from '../api/client.js';
import { ApiProblem, ConnectionLost, failureCode, isPassing } from '../api/problem.js';
import type { FailureCode } from '../api/problem.js';
import { chart } from './chart.svelte.js';
import { connection } from './connection.svelte.js';
import { session } from './session.svelte.js';

const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000];

/**
 * A message being written; kept in memory while the person moves about. Once tried, its text and its idempotency key
 * stay as they are until an answer comes, so that a lost answer never makes two messages.
 */
export class Draft {
  topic = $state('');
  subject = $state('');
  body = $state('');
  phase = $state<'editing' | 'sending' | 'waiting'>('editing');
  failure = $state<FailureCode | null>(null);
  /** seconds the refusal asks to wait; null when it names none */
  retryAfter = $state<number | null>(null);
  /** an attempt ended without an answer, so its text may have been saved */
  doubtful = $state(false);
  private key: string | null = null;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly threadId: string | null,
    private readonly onSent: (draft: Draft, sent: MessageSentView) => void,
  ) {}

  get empty(): boolean {
    return this.subject.trim() === '' && this.body.trim() === '';
  }

  /** Nothing is sent while an attempt is under way. */
  async send(): Promise<void> {
    const patient = session.patient;
    if (this.phase === 'sending' || patient === null) {
      return;
    }
    clearTimeout(this.timer);
    this.key ??= crypto.randomUUID();
    this.phase = 'sending';
    this.failure = null;
    const message: SendMessage = {
      threadId: this.threadId,
      topic: this.topic,
      subject: this.subject.trim(),
      body: this.body.trim(),
    };
    try {
      const sent = await api.post<MessageSentView>(`/api/charts/${patient.patientRef}/messages`, message, {
        userAct: this.attempts === 0,
        idempotencyKey: this.key,
      });
      this.done();
      this.onSent(this, sent);
    } catch (failure: unknown) {
      this.failed(failure);
    }
  }

  /** Back to the text. What was under way may have been saved; the key must not serve for another text. */
  edit(): void {
    clearTimeout(this.timer);
    this.doubtful ||= this.phase === 'waiting';
    this.phase = 'editing';
    this.failure = null;
    this.key = null;
    this.attempts = 0;
  }

  discard(): void {
    this.done();
    this.body = '';
    // A reply keeps the topic and subject of its thread.
    if (this.threadId === null) {
      this.topic = '';
      this.subject = '';
    }
  }

  private done(): void {
    clearTimeout(this.timer);
    this.key = null;
    this.attempts = 0;
    this.phase = 'editing';
    this.failure = null;
    this.doubtful = false;
  }

  private failed(failure: unknown): void {
    this.failure = failureCode(failure);
    this.retryAfter = failure instanceof ApiProblem ? failure.retryAfterSeconds : null;
    if (!isPassing(failure)) {
      // An attempt before this one may have been saved although its answer was lost.
      this.doubtful ||= this.attempts > 0;
      this.phase = 'editing';
      this.key = null;
      this.attempts = 0;
      return;
    }
    this.phase = 'waiting';
    const asked = failure instanceof ApiProblem ? (failure.retryAfterSeconds ?? 0) * 1000 : 0;
    const pause = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 30_000;
    this.attempts += 1;
    this.timer = setTimeout(() => void this.send(), Math.max(asked, pause));
  }

  get lostConnection(): boolean {
    return this.failure === new ConnectionLost().code;
  }
}

/** Drafts by thread; the one of a new message has the key `new`. */
class Drafts {
  // Plain: a draft is made where a page derives, which must not make reactive state dirty.
  private byThread = new Map<string, Draft>();
  private patientRef: string | null = null;
  /** set when a message was saved while its page was not open, for the page that opens next */
  lastSent = $state.raw<MessageSentView | null>(null);

  constructor() {
    session.onEnd(() => {
      this.clear();
    });
    session.onStart(() => {
      const patientRef = session.patient?.patientRef ?? null;
      // What was written for one chart must not go to another; a chart that comes back finds it again.
      if (patientRef !== null && patientRef !== this.patientRef) {
        this.clear();
        this.patientRef = patientRef;
      }
    });
    connection.onReturn(() => {
      for (const draft of this.byThread.values()) {
        if (draft.phase === 'waiting') {
          void draft.send();
        }
      }
    });
  }

  /** Something written has not been saved by the portal, and would be gone with the session. */
  get anyUnsent(): boolean {
    return [...this.byThread.values()].some((draft) => draft.body.trim() !== '');
  }

  of(threadId: string | null): Draft {
    const key = threadId ?? 'new';
    const known = this.byThread.get(key);
    if (known !== undefined) {
      return known;
    }
    const draft = new Draft(threadId, (sentDraft, sent) => {
      sentDraft.discard();
      this.lastSent = sent;
      void chart.loadCopies();
    });
    this.byThread.set(key, draft);
    return draft;
  }

  private clear(): void {
    for (const draft of this.byThread.values()) {
      draft.discard();
    }
    this.byThread = new Map();
    this.patientRef = null;
    this.lastSent = null;
  }
}

export const drafts = new Drafts();
