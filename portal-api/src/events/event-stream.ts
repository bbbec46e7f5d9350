import type { ServerResponse } from 'node:http';
import type { ChangeEvent } from '../http.js';

/** A reader that is this far behind is cut off; it connects again and refetches. */
const BEHIND_BYTES = 64 * 1024;

/**
 * One stream of one session. It holds no key and no cookie, only what it may be told about. Until it starts nothing is
 * written: what happens before its `open` the browser fetches by itself.
 */
export class EventStream {
  private started = false;
  private ended = false;
  private readonly afterwards: (() => void)[] = [];

  constructor(
    readonly idHash: string,
    readonly accountRef: string,
    readonly sessionEndsAt: Date,
    private readonly response: ServerResponse,
  ) {
    response.on('close', () => {
      this.end();
    });
    // Whoever has left by now closed before anybody listened for it.
    this.ended = response.destroyed;
  }

  /** patientRef → end of the grant, or null */
  charts = new Map<string, Date | null>();

  get hasEnded(): boolean {
    return this.ended;
  }

  concerns(ref: string): boolean {
    const until = this.charts.get(ref);
    return ref === this.accountRef || until === null || (until !== undefined && until > new Date());
  }

  start(headers: Record<string, number | string | string[] | undefined>): void {
    this.started = true;
    this.response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    this.write('retry: 2000\n\n');
  }

  send(event: ChangeEvent): void {
    this.write(`event: change\ndata: ${JSON.stringify(event)}\n\n`);
  }

  ping(): void {
    this.write(': ping\n\n');
  }

  /** At once when it has ended. */
  onEnd(work: () => void): void {
    if (this.ended) {
      work();
    } else {
      this.afterwards.push(work);
    }
  }

  end(): void {
    if (!this.ended) {
      this.ended = true;
      if (this.started) {
        this.response.end();
      }
      for (const work of this.afterwards) {
        work();
      }
    }
  }

  private write(text: string): void {
    if (!this.started || this.ended) {
      return;
    }
    if (this.response.writableLength > BEHIND_BYTES) {
      this.end();
      this.response.destroy();
      return;
    }
    this.response.write(text);
  }
}
