import type { ChangeEvent } from 'portal-api/http';
import { chart } from './chart.svelte.js';
import { session } from './session.svelte.js';

const BACK_OFF_MS = [100, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

/**
 * Server-sent events: news that something changed, after which what is on screen is fetched again. After every gap
 * everything on screen is fetched again, because news may have been missed; after the beginning what is asked for by no
 * clock. Never keeps a session awake.
 */
class EventStream {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private gap = false;

  constructor() {
    session.onStart(() => {
      this.failures = 0;
      this.open();
    });
    session.onEnd(() => {
      this.close();
    });
    addEventListener('online', () => {
      if (session.signedIn && this.source === null) {
        this.failures = 0;
        this.open();
      }
    });
  }

  private open(): void {
    this.close();
    const source = new EventSource('/api/events');
    this.source = source;
    source.addEventListener('open', () => {
      this.failures = 0;
      if (this.gap) {
        this.gap = false;
        void session.look();
        void chart.refresh();
      } else {
        // The clinic may have answered before anybody listened, and an account may have changed.
        void session.look();
        void chart.loadCopies();
      }
    });
    source.addEventListener('change', (event: MessageEvent<string>) => {
      this.hear(event.data);
    });
    source.addEventListener('error', () => {
      this.lost();
    });
  }

  private hear(data: string): void {
    let kind: ChangeEvent['kind'];
    try {
      kind = (JSON.parse(data) as ChangeEvent).kind;
    } catch {
      return;
    }
    switch (kind) {
      case 'account':
        void session.look().then(() => chart.refresh());
        break;
      case 'receipt':
        void chart.loadCopies();
        break;
      case 'chart':
        void chart.refresh();
        break;
    }
  }

  /** The browser's own reconnecting gives up on an error answer, so it is done here; the session is looked at first. */
  private lost(): void {
    this.close();
    this.gap = true;
    const pause = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)] ?? 30_000;
    this.failures += 1;
    this.timer = setTimeout(() => void this.reopen(), pause * (0.75 + Math.random() / 2));
  }

  private async reopen(): Promise<void> {
    if (this.failures > 1) {
      await session.look();
    }
    if (session.signedIn) {
      this.open();
    }
  }

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}

export const eventStream = new EventStream();
