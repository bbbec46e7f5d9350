import { Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import { PortalConfig } from '../config.js';
import { hexBytes } from '../database/hex-column.js';
import { CutWatch } from '../replica/cut-watch.js';
import { Busy, SignedOut } from '../problems/request.problems.js';
import { connectRedis } from '../redis/redis-connection.js';
import { sessionStart } from '../sessions/session.js';
import { SESSION_ENDED_CHANNEL, SessionStore } from '../sessions/session.store.js';
import type { EventStream } from './event-stream.js';
import { PORTAL_EVENTS_CHANNEL, PortalEvent, refOf } from './portal-event.js';

const PING_MS = 20_000;
export const STREAMS_PER_SESSION = 4;
const STREAMS_PER_PROCESS = 2_000;

interface GrantRow {
  state: string;
  patientRef: string | null;
  endsAt: Date | null;
}

/**
 * Passes events on to the streams they concern. A stream ends with its session (sign-out, idle, absolute) and stops
 * telling of a chart with its grant; it never extends anything. When the connection to Redis is lost all streams end,
 * so that browsers come back and refetch what they missed.
 */
@Injectable()
export class EventsService implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(EventsService.name);
  private readonly streams = new Set<EventStream>();
  private subscriber: Redis | undefined;
  /** on this connection to Redis; rejected with Busy when the connection is lost or was not to be had */
  private subscribed = notYetSubscribed();

  constructor(
    private readonly dataSource: DataSource,
    private readonly sessions: SessionStore,
    private readonly config: PortalConfig,
    private readonly cuts: CutWatch,
  ) {}

  onModuleInit(): void {
    this.cuts.onCut(() => {
      this.endAll();
    });
    const warn = (message: string): void => {
      this.logger.warn(message);
    };
    const subscriber = connectRedis(this.config.redis, warn, { autoResubscribe: false });
    subscriber.on('message', (channel: string, message: string) => {
      this.hear(channel, message);
    });
    subscriber.on('ready', () => {
      const { resolve } = this.subscribed;
      const lost = (): void => {
        subscriber.disconnect(true);
      };
      subscriber.subscribe(PORTAL_EVENTS_CHANNEL, SESSION_ENDED_CHANNEL).then(() => {
        resolve();
      }, lost);
    });
    subscriber.on('close', () => {
      this.subscribed.reject(new Busy());
      this.subscribed = notYetSubscribed();
      this.endAll();
    });
    this.subscriber = subscriber;
  }

  beforeApplicationShutdown(): void {
    this.subscriber?.disconnect();
    this.endAll();
  }

  /** @throws Busy above the limits */
  assertRoom(idHash: string): void {
    const own = [...this.streams].filter((stream) => stream.idHash === idHash).length;
    if (own >= STREAMS_PER_SESSION || this.streams.size >= STREAMS_PER_PROCESS) {
      throw new Busy();
    }
  }

  /**
   * From when this resolves, `stream` passes on every event that concerns it, and may start. It is watched until it ends.
   * @throws SignedOut when its session is over; Busy when it was cut off before it could start, or Redis tells nothing
   */
  async follow(stream: EventStream): Promise<void> {
    this.streams.add(stream);
    let timer: NodeJS.Timeout | undefined;
    stream.onEnd(() => {
      this.streams.delete(stream);
      clearTimeout(timer);
    });
    const watch = (left: number): void => {
      timer = setTimeout(
        () => {
          stream.ping();
          void this.check(stream).then((stillLeft) => {
            if (!stream.hasEnded) {
              watch(stillLeft);
            }
          });
        },
        Math.min(left, PING_MS) + 20,
      );
    };
    watch(await this.prepare(stream));
  }

  /** @returns milliseconds after which its session may be over */
  private async prepare(stream: EventStream): Promise<number> {
    try {
      await this.subscribed.promise;
      const left = await this.timeLeft(stream);
      if (left === null) {
        throw new SignedOut();
      }
      if (stream.hasEnded) {
        throw new Busy();
      }
      return left;
    } catch (failure: unknown) {
      stream.end();
      throw failure;
    }
  }

  /** Ends the stream when its session is over, or nobody can say. @returns milliseconds after which it may be over */
  private async check(stream: EventStream): Promise<number> {
    const left = await this.timeLeft(stream).catch(() => null);
    if (left === null) {
      stream.end();
    }
    return left ?? 0;
  }

  /** Reads the grants anew. @returns milliseconds after which its session may be over; null when it is */
  private async timeLeft(stream: EventStream): Promise<number | null> {
    const stands = await this.readGrants(stream);
    const cut = await this.cuts.ends(sessionStart(stream.sessionEndsAt));
    const idle = await this.sessions.idleLeft(stream.idHash);
    const absolute = stream.sessionEndsAt.getTime() - Date.now();
    return !stands || cut || idle === null || absolute <= 0 ? null : Math.min(idle, absolute);
  }

  /** @returns whether the account still stands */
  private async readGrants(stream: EventStream): Promise<boolean> {
    const rows = await this.dataSource.query<GrantRow[]>(
      `SELECT a.state AS state, LOWER(HEX(g.patient_ref)) AS patientRef, g.ends_at AS endsAt
       FROM account a
       LEFT JOIN chart_grant g ON g.account_ref = a.account_ref AND g.starts_at <= UTC_TIMESTAMP(3)
         AND (g.ends_at IS NULL OR g.ends_at > UTC_TIMESTAMP(3))
       WHERE a.account_ref = ?`,
      [hexBytes(stream.accountRef)],
    );
    stream.charts = new Map(rows.flatMap((row) => (row.patientRef === null ? [] : [[row.patientRef, row.endsAt]])));
    return rows[0] !== undefined && rows[0].state !== 'revoked';
  }

  /** Sessions of an account that has ended are refused in any case; here their keys go at once. */
  private async endIfRevoked(accountRef: string): Promise<void> {
    const [row] = await this.dataSource.query<{ state: string }[]>('SELECT state FROM account WHERE account_ref = ?', [
      hexBytes(accountRef),
    ]);
    if (row?.state === 'revoked') {
      await this.sessions.endAllOf(accountRef);
    }
  }

  private hear(channel: string, message: string): void {
    if (channel === SESSION_ENDED_CHANNEL) {
      for (const stream of this.streams) {
        if (stream.idHash === message) {
          stream.end();
        }
      }
      return;
    }
    const event = parseEvent(message);
    if (event === null) {
      this.logger.warn('an event of another shape was ignored');
      return;
    }
    const ref = refOf(event);
    if (event.kind === 'account') {
      this.endIfRevoked(ref).catch(() => {
        this.logger.warn('the sessions of an ended account could not be deleted; each ends with its next request');
      });
    }
    for (const stream of this.streams) {
      if (stream.concerns(ref)) {
        stream.send({ kind: event.kind, ref, seq: event.seq });
      }
      if (event.kind === 'account' && ref === stream.accountRef) {
        void this.check(stream);
      }
    }
  }

  private endAll(): void {
    for (const stream of this.streams) {
      stream.end();
    }
  }
}

function notYetSubscribed(): PromiseWithResolvers<void> {
  const deferred = Promise.withResolvers<void>();
  // Nobody may be waiting for it.
  deferred.promise.catch(() => undefined);
  return deferred;
}

function parseEvent(message: string): PortalEvent | null {
  try {
    return PortalEvent.parse(JSON.parse(message));
  } catch {
    return null;
  }
}
