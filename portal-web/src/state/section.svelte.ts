import { untrack } from 'svelte';
import { api } from '../api/client.js';
import { ApiProblem, failureCode } from '../api/problem.js';
import type { FailureCode } from '../api/problem.js';

const HIGHLIGHT_MS = 6_000;

/** One section of the chart as the browser has it. */
export class Section<T> {
  content = $state.raw<T | null>(null);
  /** `absent`: the verified chart has no such section */
  state = $state<'loading' | 'ready' | 'absent' | 'failed'>('loading');
  failure = $state<FailureCode | null>(null);
  /** T of what is shown */
  asOf = $state<string | null>(null);
  /** version of the chart this page knew of when the content was asked for: the content is that version or a later one */
  version = $state<string | null>(null);
  /** true for a moment after the content has changed under the reader's eyes */
  updated = $state(false);

  private etag: string | null = null;
  private watchers = 0;
  private running: Promise<void> | null = null;
  private again = false;
  private dropped = false;

  constructor(
    private readonly url: string,
    private readonly knownVersion: () => string | null,
    private readonly onChanged: () => void,
  ) {}

  get onScreen(): boolean {
    return this.watchers > 0;
  }

  /**
   * For an `$effect`: the section is on screen until the returned function runs.
   * @param userAct false where it comes to the screen by what another section says, and not because a person came there
   */
  show = (userAct = true): (() => void) => {
    this.watchers += 1;
    untrack(() => void this.load(userAct));
    return () => {
      this.watchers -= 1;
    };
  };

  retry = (): void => {
    this.state = this.content === null ? 'loading' : this.state;
    void this.load(true);
  };

  /** Never two at once; a call during a load starts another after it, so that the newest state is what remains. */
  async load(userAct = false): Promise<void> {
    if (this.running !== null) {
      this.again = true;
      return this.running;
    }
    this.running = this.run(userAct);
    try {
      await this.running;
    } finally {
      this.running = null;
    }
  }

  /** The session, or the right to this chart, is over: whatever still arrives is thrown away. */
  drop(): void {
    this.dropped = true;
    this.content = null;
    this.etag = null;
  }

  private async run(userAct: boolean): Promise<void> {
    await this.fetchOnce(userAct);
    while (this.again && !this.dropped) {
      this.again = false;
      await this.fetchOnce(false);
    }
  }

  private async fetchOnce(userAct: boolean): Promise<void> {
    const version = this.knownVersion();
    try {
      const answer = await api.getWithMeta<T>(this.url, { userAct, etag: this.etag });
      if (this.dropped) {
        return;
      }
      this.asOf = answer.asOf;
      this.version = version;
      this.failure = null;
      if (!answer.notModified) {
        this.accept(answer.body, answer.etag);
      }
      this.state = this.content === null ? 'absent' : 'ready';
    } catch (failure: unknown) {
      if (!this.dropped) {
        this.refuse(failure, version);
      }
    }
  }

  private accept(body: T | null, etag: string | null): void {
    const first = this.content === null && this.state !== 'absent';
    this.etag = etag;
    // Another ETag need not be other content: the clinic seals the same again under a new number when it repairs a chart.
    if (JSON.stringify(body) === JSON.stringify(this.content)) {
      return;
    }
    this.content = body;
    if (!first && this.onScreen) {
      this.onChanged();
      this.updated = true;
      setTimeout(() => {
        this.updated = false;
      }, HIGHLIGHT_MS);
    }
  }

  private refuse(failure: unknown, version: string | null): void {
    if (failure instanceof ApiProblem && failure.code === 'section-not-found') {
      this.content = null;
      this.etag = null;
      this.asOf = null;
      this.failure = null;
      this.version = version;
      this.state = 'absent';
      return;
    }
    this.failure = failureCode(failure);
    // What cannot be verified any more must not stay on the screen; a lost connection leaves it there, with its age.
    if (failure instanceof ApiProblem && failure.code !== 'busy' && failure.code !== 'too-many-tries') {
      this.content = null;
      this.etag = null;
      this.asOf = null;
    }
    this.state = this.content === null ? 'failed' : 'ready';
  }
}
