import { createHash } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { SealBroken, openAead, sealAead } from 'sync-contract/aead';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { GrantTerms } from 'sync-contract/grant';
import { Base64Url, Digest, Instant, Ref } from 'sync-contract/identifiers';
import { TIMES } from 'sync-contract/limits';
import { z } from 'zod';
import { CutWatch } from '../replica/cut-watch.js';
import { fromRedis } from '../redis/redis-connection.js';
import { REDIS } from '../redis/redis.module.js';
import { newHalfKey, type HalfKey } from './half-key-cookie.js';
import { Session, type OpenedGrant } from './session.js';

/** Parallel sessions of one account; one more ends the oldest. */
export const SESSIONS_PER_ACCOUNT = 5;

/** Published when a session ends before its time; the message is its idHash. */
export const SESSION_ENDED_CHANNEL = 'portal:session-ended';

/** Every session that may be alive, by its idle end: for counting, and for ending all. */
const OPEN = 'session:open';
const PORTION = 500;

const key32 = Base64Url.length(43).transform((text) => Buffer.from(text, 'base64url'));

const SessionRecord = z.strictObject({
  accountRef: Ref,
  accountPrivateKey: key32,
  endsAt: Instant,
  grants: z.array(
    z.strictObject({
      grantId: Ref,
      version: Digest,
      patientRef: Ref,
      relation: GrantTerms.shape.relation,
      scopes: GrantTerms.shape.scopes,
      epoch: z.int(),
      from: Instant,
      to: Instant.nullable(),
      chartKey: key32,
    }),
  ),
});

/**
 * Sessions in Redis: AES-GCM(cookie's key; account key, opened chart keys) under SHA-256(cookie's id). Redis expires
 * them by the idle time; the absolute end is inside the seal. A flushed Redis signs people out and loses nothing else.
 */
@Injectable()
export class SessionStore implements OnModuleInit {
  private readonly logger = new Logger(SessionStore.name);

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly cuts: CutWatch,
  ) {}

  /** Sessions that a cut ended are refused whether or not Redis can be asked; here their keys go. */
  onModuleInit(): void {
    this.cuts.onCut(() => {
      this.endAll().catch(() => {
        this.logger.warn('the records of ended sessions could not be deleted; they are refused all the same');
      });
    });
  }

  /** Starts a session with a new id and key; the account's oldest one ends when there are too many. */
  async create(account: {
    accountRef: string;
    privateKey: Buffer;
    grants: readonly OpenedGrant[];
  }): Promise<{ cookie: string; session: Session }> {
    const { cookie, half } = newHalfKey();
    const endsAt = new Date(Date.now() + TIMES.sessionAbsolute);
    const session = new Session(half.idHash, half.key, account.accountRef, account.privateKey, endsAt, account.grants);
    await fromRedis(async () => {
      await this.redis.set(recordKey(half.idHash), seal(session), 'PX', TIMES.sessionIdle);
      await this.redis.zadd(OPEN, String(Date.now() + TIMES.sessionIdle), half.idHash);
      await this.redis.pexpire(OPEN, TIMES.sessionAbsolute);
      await this.limitSessions(session);
    });
    return { cookie, session };
  }

  /**
   * The session that a cookie's two halves open, or null. Only the person's own act moves the idle end.
   * @throws Busy when Redis is away: nobody is signed out for that
   */
  async load(half: HalfKey, userAct: boolean): Promise<Session | null> {
    const key = recordKey(half.idHash);
    const sealed = await fromRedis(() =>
      userAct ? this.redis.getexBuffer(key, 'PX', TIMES.sessionIdle) : this.redis.getBuffer(key),
    );
    if (sealed === null) {
      return null;
    }
    if (userAct) {
      await fromRedis(() => this.redis.zadd(OPEN, 'XX', String(Date.now() + TIMES.sessionIdle), half.idHash));
    }
    const text = unseal(half, sealed);
    if (text === null) {
      return null;
    }
    const record = SessionRecord.safeParse(JSON.parse(text));
    if (!record.success) {
      // Sealed by another version of this program: its owner signs in again, which makes a record of today's shape.
      await fromRedis(() => this.redis.del(key));
      return null;
    }
    return sessionOf(half, record.data);
  }

  /** Keeps changed grants. An ended session stays ended. */
  async save(session: Session): Promise<void> {
    await fromRedis(() => this.redis.set(recordKey(session.idHash), seal(session), 'KEEPTTL', 'XX'));
  }

  async end(session: Pick<Session, 'idHash' | 'accountRef'>): Promise<void> {
    await fromRedis(async () => {
      await this.redis.del(recordKey(session.idHash));
      await this.redis.zrem(OPEN, session.idHash);
      await this.redis.zrem(listKey(session.accountRef), session.idHash);
      await this.redis.publish(SESSION_ENDED_CHANNEL, session.idHash);
    });
  }

  /** Every session of an account, with the keys in its record. */
  async endAllOf(accountRef: string): Promise<void> {
    const idHashes = await fromRedis(() => this.redis.zrange(listKey(accountRef), '0', '-1'));
    for (const idHash of idHashes) {
      await this.end({ idHash, accountRef });
    }
  }

  /** How many sessions are alive. */
  async count(): Promise<number> {
    return fromRedis(async () => {
      await this.redis.zremrangebyscore(OPEN, '-inf', String(Date.now()));
      return this.redis.zcard(OPEN);
    });
  }

  private async endAll(): Promise<void> {
    for (;;) {
      const some = await this.redis.zrange(OPEN, '0', String(PORTION - 1));
      if (some.length === 0) {
        return;
      }
      await this.redis.unlink(...some.map(recordKey));
      await this.redis.zrem(OPEN, ...some);
    }
  }

  /** Milliseconds until the idle end; null when the session is gone. Never extends it. */
  async idleLeft(idHash: string): Promise<number | null> {
    const left = await fromRedis(() => this.redis.pttl(recordKey(idHash)));
    return left > 0 ? left : null;
  }

  private async limitSessions(session: Session): Promise<void> {
    const list = listKey(session.accountRef);
    await this.redis.zadd(list, String(Date.now()), session.idHash);
    await this.redis.pexpire(list, TIMES.sessionAbsolute);
    const oldestFirst = await this.redis.zrange(list, '0', '-1');
    const alive: string[] = [];
    for (const idHash of oldestFirst) {
      if ((await this.redis.exists(recordKey(idHash))) === 1) {
        alive.push(idHash);
      } else {
        await this.redis.zrem(list, idHash);
      }
    }
    for (const idHash of alive.slice(0, Math.max(0, alive.length - SESSIONS_PER_ACCOUNT))) {
      await this.end({ idHash, accountRef: session.accountRef });
    }
  }
}

function recordKey(idHash: string): string {
  return `session:${idHash}`;
}

function listKey(accountRef: string): string {
  return `session:of:${createHash('sha256').update(accountRef).digest('hex')}`;
}

function recordAad(idHash: string): Buffer {
  return canonicalBytes({ use: 'session', idHash });
}

/** Null when the cookie's key does not fit. */
function unseal(half: HalfKey, sealed: Buffer): string | null {
  try {
    return openAead(half.key, sealed, recordAad(half.idHash)).toString('utf8');
  } catch (error: unknown) {
    if (error instanceof SealBroken) {
      return null;
    }
    throw error;
  }
}

/** Null after its absolute end. */
function sessionOf(half: HalfKey, record: z.output<typeof SessionRecord>): Session | null {
  const endsAt = new Date(record.endsAt);
  return endsAt <= new Date()
    ? null
    : new Session(half.idHash, half.key, record.accountRef, record.accountPrivateKey, endsAt, record.grants);
}

function seal(session: Session): Buffer {
  const record: z.input<typeof SessionRecord> = {
    accountRef: session.accountRef,
    accountPrivateKey: session.accountPrivateKey.toString('base64url'),
    endsAt: session.endsAt.toISOString(),
    grants: session.grants.map((grant) => ({
      ...grant,
      scopes: [...grant.scopes],
      chartKey: grant.chartKey.toString('base64url'),
    })),
  };
  return sealAead(session.cookieKey, Buffer.from(JSON.stringify(record), 'utf8'), recordAad(session.idHash));
}
