import { createHmac } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { PortalConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { TooManyTries } from '../problems/request.problems.js';

/** Longest wait after a failed try. Nobody can be locked out for longer by somebody else's tries. */
const LONGEST_WAIT_S = 15 * 60;
/** Failures after the free ones until the wait is the longest; more are not counted, so that all leak within a day. */
const STEPS = 11;

/**
 * How many failures of a kind wait for nothing. An address may be a whole clinic's network: as many as password checks
 * can be running and waiting there at once.
 */
const FREE_FAILURES = { name: 0, code: 0, address: 60 } as const;
export type ThrottleKind = keyof typeof FREE_FAILURES;

/** One failure leaks away in this time, whatever else is tried meanwhile. */
const LEAK_MS = { name: 2 * 3_600_000, code: 2 * 3_600_000, address: 5 * 60_000 } as const;

const GIVE_BACK =
  'UPDATE throttle SET failures = GREATEST(failures - 1, 0), retry_at = UTC_TIMESTAMP(3) WHERE bucket = ?';
const FORGET = 'DELETE FROM throttle WHERE bucket = ?';

export interface ThrottleBucket {
  kind: ThrottleKind;
  key: Buffer;
}

/** A try that may be made; whoever reserved it says how it ended. */
export interface ThrottledTry {
  /** counted as failed already */
  counted: readonly ThrottleBucket[];
  /** counted when it has failed */
  free: readonly ThrottleBucket[];
}

interface ThrottleState {
  bucket: ThrottleBucket;
  failures: number;
  leaked: number;
  /** seconds */
  wait: number;
}

/**
 * A leaky bucket of failures for each name, account's code and address. Where a failure would have to wait, a try is
 * counted as failed before it is made and given back when it succeeds, so that many at once gain nothing; below that,
 * tries under way count for nobody. The wait doubles from one second to fifteen minutes. Counts are rows: neither a
 * restart nor a flushed Redis gives a guesser new tries. Unknown names count like known ones.
 */
@Injectable()
export class ThrottleService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
  ) {}

  bucket(kind: ThrottleKind, of: string): ThrottleBucket {
    const counted = kind === 'address' ? network(of) : of;
    return {
      kind,
      key: createHmac('sha256', this.config.blindIndexKey).update(`throttle|${kind}|${counted}`).digest(),
    };
  }

  /** A try in every bucket, or in none when one of them has to wait. @throws TooManyTries */
  async reserve(...buckets: ThrottleBucket[]): Promise<ThrottledTry> {
    const counted = await this.change(buckets, (states) => {
      assertNoWait(states);
      return states.filter(({ bucket, failures }) => failures >= FREE_FAILURES[bucket.kind]);
    });
    return { counted, free: buckets.filter((bucket) => !counted.includes(bucket)) };
  }

  /** Counts before it is known how it ends, e.g. for work that anybody may ask for. @throws TooManyTries */
  async spend(bucket: ThrottleBucket): Promise<void> {
    await this.change([bucket], (states) => {
      assertNoWait(states);
      return states;
    });
  }

  async failed(attempt: ThrottledTry): Promise<void> {
    if (attempt.free.length > 0) {
      await this.change(attempt.free, (states) => states);
    }
  }

  /** The try was good: a name or code starts anew, an address gets this one try back. */
  async succeeded({ counted }: Pick<ThrottledTry, 'counted'>): Promise<void> {
    for (const { kind, key } of counted) {
      crashPoint('before-commit:throttle-freed');
      await this.dataSource.query(kind === 'address' ? GIVE_BACK : FORGET, [key]);
      crashPoint('after-commit:throttle-freed');
    }
  }

  /** @param choose of the locked buckets those in which a failure is counted @returns them */
  private async change(
    buckets: readonly ThrottleBucket[],
    choose: (states: ThrottleState[]) => ThrottleState[],
  ): Promise<ThrottleBucket[]> {
    const sorted = [...buckets].sort((a, b) => Buffer.compare(a.key, b.key));
    const counted = await settleTransaction(this.dataSource, async (manager) => {
      const chosen = choose(await this.lock(manager, sorted));
      for (const state of chosen) {
        await this.count(manager, state);
      }
      crashPoint('before-commit:throttle');
      return chosen.map(({ bucket }) => bucket);
    });
    crashPoint('after-commit:throttle');
    return counted;
  }

  private async lock(manager: EntityManager, sorted: readonly ThrottleBucket[]): Promise<ThrottleState[]> {
    // The update that changes nothing takes the row's lock, whether the row was there or not.
    await manager.query(
      `INSERT INTO throttle (bucket, failures, retry_at, updated_at)
       VALUES ${sorted.map(() => '(?, 0, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))').join(', ')}
       ON DUPLICATE KEY UPDATE bucket = VALUES(bucket)`,
      sorted.map((bucket) => bucket.key),
    );
    const states: ThrottleState[] = [];
    for (const bucket of sorted) {
      const [row] = await manager.query<{ failures: number; wait: string; age: string }[]>(
        `SELECT failures, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), retry_at) / 1000000 AS wait,
           TIMESTAMPDIFF(MICROSECOND, updated_at, UTC_TIMESTAMP(3)) / 1000 AS age
         FROM throttle WHERE bucket = ? FOR UPDATE`,
        [bucket.key],
      );
      const { failures, leaked } = afterLeak(bucket.kind, row?.failures ?? 0, Number(row?.age ?? 0));
      states.push({ bucket, failures, leaked, wait: Number(row?.wait ?? 0) });
    }
    return states;
  }

  /** The clock of the leak goes on where it was: only an empty bucket starts it. */
  private async count(manager: EntityManager, { bucket, failures, leaked }: ThrottleState): Promise<void> {
    const { kind, key } = bucket;
    const now = Math.min(failures + 1, FREE_FAILURES[kind] + STEPS);
    await manager.query(
      `UPDATE throttle SET failures = ?, retry_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND,
         updated_at = IF(?, UTC_TIMESTAMP(3), updated_at + INTERVAL ? SECOND) WHERE bucket = ?`,
      [now, waitAfter(kind, now), failures === 0, (leaked * LEAK_MS[kind]) / 1_000, key],
    );
  }
}

function assertNoWait(states: readonly ThrottleState[]): void {
  const longest = Math.max(...states.map(({ wait }) => wait));
  if (longest > 0) {
    throw new TooManyTries(Math.ceil(longest));
  }
}

/** What is left of failures after some milliseconds, and how many times one of them could leak. */
export function afterLeak(kind: ThrottleKind, failures: number, age: number): { failures: number; leaked: number } {
  const leaked = Math.max(0, Math.floor(age / LEAK_MS[kind]));
  return { failures: Math.max(0, failures - leaked), leaked };
}

/** Seconds to wait after that many failures. */
export function waitAfter(kind: ThrottleKind, failures: number): number {
  const counted = failures - FREE_FAILURES[kind];
  return counted <= 0 ? 0 : Math.min(LONGEST_WAIT_S, 2 ** Math.min(counted - 1, STEPS - 1));
}

/** An IPv6 customer has a /64 at least; a bucket per address would be no bucket. */
function network(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) {
    return address;
  }
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
