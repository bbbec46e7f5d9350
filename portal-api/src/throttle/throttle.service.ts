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
/** A bucket without a failure for a day starts anew; the gateway's housekeeping deletes its row a day later. */
const FORGET_S = 24 * 3_600;

/**
 * How many tries of a kind wait for nothing. An address may be a whole clinic's network: as many as password checks
 * can be running and waiting there at once.
 */
const FREE_TRIES = { name: 0, code: 0, address: 60 } as const;
export type ThrottleKind = keyof typeof FREE_TRIES;

const GIVE_BACK =
  'UPDATE throttle SET failures = GREATEST(failures - 1, 0), retry_at = UTC_TIMESTAMP(3) WHERE bucket = ?';
const FORGET = 'DELETE FROM throttle WHERE bucket = ?';

export interface ThrottleBucket {
  kind: ThrottleKind;
  key: Buffer;
}

/**
 * Counts tries as failed before they are made and takes that back when they succeed, so that many at once gain
 * nothing. The wait doubles from one second to fifteen minutes. Counts are rows: neither a restart nor a flushed Redis
 * gives a guesser new tries. Unknown names count like known ones.
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

  /** Counts one try in every bucket, or none when one of them has to wait. @throws TooManyTries */
  async reserve(...buckets: ThrottleBucket[]): Promise<void> {
    const sorted = [...buckets].sort((a, b) => Buffer.compare(a.key, b.key));
    await settleTransaction(this.dataSource, async (manager) => {
      await this.reserveAll(manager, sorted);
      crashPoint('before-commit:throttle');
    });
    crashPoint('after-commit:throttle');
  }

  /** The try was good: a name or code starts anew, an address gets this one try back. */
  async succeeded(...buckets: ThrottleBucket[]): Promise<void> {
    for (const { kind, key } of buckets) {
      crashPoint('before-commit:throttle-freed');
      await this.dataSource.query(kind === 'address' ? GIVE_BACK : FORGET, [key]);
      crashPoint('after-commit:throttle-freed');
    }
  }

  private async reserveAll(manager: EntityManager, sorted: readonly ThrottleBucket[]): Promise<void> {
    // The update that changes nothing takes the row's lock, whether the row was there or not.
    await manager.query(
      `INSERT INTO throttle (bucket, failures, retry_at, updated_at)
       VALUES ${sorted.map(() => '(?, 0, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))').join(', ')}
       ON DUPLICATE KEY UPDATE bucket = VALUES(bucket)`,
      sorted.map((bucket) => bucket.key),
    );
    const counts: { bucket: ThrottleBucket; failures: number; wait: number }[] = [];
    for (const bucket of sorted) {
      const [row] = await manager.query<{ failures: number; wait: string; old: number | string }[]>(
        `SELECT failures, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), retry_at) / 1000000 AS wait,
           updated_at < UTC_TIMESTAMP(3) - INTERVAL ? SECOND AS old
         FROM throttle WHERE bucket = ? FOR UPDATE`,
        [FORGET_S, bucket.key],
      );
      const failures = Number(row?.old) === 1 ? 1 : (row?.failures ?? 0) + 1;
      counts.push({ bucket, failures, wait: Number(row?.wait ?? 0) });
    }
    const longest = Math.max(...counts.map(({ wait }) => wait));
    if (longest > 0) {
      throw new TooManyTries(Math.ceil(longest));
    }
    for (const { bucket, failures } of counts) {
      await manager.query(
        `UPDATE throttle SET failures = ?, updated_at = UTC_TIMESTAMP(3),
           retry_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND WHERE bucket = ?`,
        [failures, waitAfter(bucket.kind, failures), bucket.key],
      );
    }
  }
}

/** Seconds to wait after that many failures. */
export function waitAfter(kind: ThrottleKind, failures: number): number {
  const counted = failures - FREE_TRIES[kind];
  return counted <= 0 ? 0 : Math.min(LONGEST_WAIT_S, 2 ** Math.min(counted - 1, 20));
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
