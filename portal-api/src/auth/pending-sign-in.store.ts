import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { SealBroken, openAead, sealAead } from 'sync-contract/aead';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { Base64Url, Ref } from 'sync-contract/identifiers';
import { z } from 'zod';
import { fromRedis } from '../redis/redis-connection.js';
import { REDIS } from '../redis/redis.module.js';
import { newHalfKey, type HalfKey } from '../sessions/half-key-cookie.js';

export const PENDING_MS = 5 * 60_000;
/** Codes that may be tried after one password step. */
const CODES = 5;

const PendingRecord = z.strictObject({ accountRef: Ref, privateKey: Base64Url.length(43), totpSecret: z.string() });

/** What the password step opened and the code step needs. */
export interface PendingSignIn {
  accountRef: string;
  privateKey: Buffer;
  totpSecret: string;
}

/** A sign-in between its two steps, sealed like a session: half in the cookie, half in Redis, for five minutes. */
@Injectable()
export class PendingSignInStore {
  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /** @returns the cookie's value */
  async create(pending: PendingSignIn): Promise<string> {
    const { cookie, half } = newHalfKey();
    const record: z.infer<typeof PendingRecord> = {
      ...pending,
      privateKey: pending.privateKey.toString('base64url'),
    };
    const sealed = sealAead(half.key, Buffer.from(JSON.stringify(record), 'utf8'), aad(half.idHash));
    await fromRedis(() => this.redis.set(recordKey(half.idHash), sealed, 'PX', PENDING_MS));
    return cookie;
  }

  /** Uses up no try; null when none is left, or time is over. */
  async open(half: HalfKey): Promise<PendingSignIn | null> {
    const sealed = await fromRedis(() => this.redis.getBuffer(recordKey(half.idHash)));
    const tries = await fromRedis(() => this.redis.get(triesKey(half.idHash)));
    if (sealed === null || Number(tries ?? 0) >= CODES) {
      return null;
    }
    try {
      const record = PendingRecord.parse(JSON.parse(openAead(half.key, sealed, aad(half.idHash)).toString('utf8')));
      return { ...record, privateKey: Buffer.from(record.privateKey, 'base64url') };
    } catch (error: unknown) {
      if (error instanceof SealBroken) {
        return null;
      }
      throw error;
    }
  }

  /** Uses up one of the tries. @returns false when none was left */
  async use(half: HalfKey): Promise<boolean> {
    const tries = await fromRedis(() => this.redis.incr(triesKey(half.idHash)));
    await fromRedis(() => this.redis.pexpire(triesKey(half.idHash), 2 * PENDING_MS));
    if (tries > CODES) {
      await this.end(half);
    }
    return tries <= CODES;
  }

  async end(half: HalfKey): Promise<void> {
    await fromRedis(() => this.redis.del(recordKey(half.idHash)));
  }
}

function recordKey(idHash: string): string {
  return `pending:${idHash}`;
}

function triesKey(idHash: string): string {
  return `pending:tries:${idHash}`;
}

function aad(idHash: string): Buffer {
  return canonicalBytes({ use: 'pending-sign-in', idHash });
}
