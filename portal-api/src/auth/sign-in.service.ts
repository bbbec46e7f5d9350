import { createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AuditFact } from '../audit/audit-chain.js';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { Account } from '../credentials/account.entity.js';
import { derivePasswordKeys, unwrap, verifierMatches } from '../credentials/account-secrets.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { SignInName, nameIndex } from '../credentials/sign-in-name.js';
import { totpStep } from '../credentials/totp.js';
import { PortalConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes } from '../database/hex-column.js';
import type { SignIn } from '../http.js';
import type { HalfKey } from '../sessions/half-key-cookie.js';
import { SessionGrants } from '../sessions/session-grants.js';
import type { Session } from '../sessions/session.js';
import { SessionStore } from '../sessions/session.store.js';
import { AccessEnded, CodeRefused, SignInExpired, SignInFailed } from './auth.problems.js';
import { TooManyTries } from '../problems/request.problems.js';
import { PendingSignInStore } from './pending-sign-in.store.js';
import { ThrottleService, type ThrottleBucket, type ThrottledTry } from '../throttle/throttle.service.js';

/**
 * Signing in, in two steps. The password opens the account's private key and its TOTP secret; the code is then checked
 * and counts once. An unknown name is throttled, hashed, logged and answered like a wrong password.
 */
@Injectable()
export class SignInService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
    private readonly throttle: ThrottleService,
    private readonly hasher: PasswordHasher,
    private readonly pending: PendingSignInStore,
    private readonly sessions: SessionStore,
    private readonly grants: SessionGrants,
    private readonly audit: AuditService,
  ) {}

  /** @returns value of the pending cookie. @throws SignInFailed, AccessEnded, TooManyTries, Busy */
  async password({ name, password }: SignIn, ip: string, origin: AuditOrigin): Promise<string> {
    const parsed = SignInName.safeParse(name);
    const index = nameIndex(this.config.blindIndexKey, parsed.success ? parsed.data : `no name: ${name}`);
    const buckets = [this.throttle.bucket('name', index), this.throttle.bucket('address', ip)];
    const attempt = await this.reserve({ ...origin, action: 'sign-in-password' }, buckets);

    const account = await this.dataSource.getRepository(Account).findOneBy({ nameIndex: index });
    const salt = account === null ? this.saltOfNobody(index) : hexBytes(account.salt);
    const keys = await derivePasswordKeys(this.hasher, password, salt, this.config.pepper);
    const verifier = account === null ? this.verifierOfNobody(index) : hexBytes(account.verifier);
    if (!verifierMatches(keys, verifier) || account === null) {
      await this.throttle.failed(attempt);
      await this.audit.record({
        ...origin,
        actor: account?.accountRef ?? null,
        action: 'sign-in-password',
        outcome: 'failed',
      });
      throw new SignInFailed();
    }

    const { accountRef } = account;
    if (account.state === 'revoked') {
      await this.throttle.succeeded(attempt);
      const ended = new AccessEnded();
      const fact = { ...origin, actor: accountRef, action: 'sign-in-password', outcome: 'refused' } as const;
      await this.audit.record({ ...fact, reason: ended.code });
      throw ended;
    }
    const cookie = await this.pending.create({
      accountRef,
      privateKey: unwrap(keys.wrapKey, accountRef, 'private-key', account.privateKeyWrapped),
      totpSecret: unwrap(keys.totpKey, accountRef, 'totp-secret', account.totpWrapped).toString('utf8'),
    });
    await this.throttle.succeeded(attempt);
    await this.audit.record({ ...origin, actor: accountRef, action: 'sign-in-password', outcome: 'ok' });
    return cookie;
  }

  /** @throws CodeRefused, SignInExpired, TooManyTries */
  async code(half: HalfKey | null, code: string, origin: AuditOrigin): Promise<{ cookie: string; session: Session }> {
    const pending = half && (await this.pending.open(half));
    if (half === null || pending === null) {
      return this.expired(origin);
    }
    const { accountRef, privateKey, totpSecret } = pending;
    const known = { ...origin, actor: accountRef };
    // A try that has to wait uses up none of the pending sign-in's.
    const attempt = await this.reserve({ ...known, action: 'sign-in' }, [this.throttle.bucket('code', accountRef)]);
    if (!(await this.pending.use(half))) {
      return this.expired(known);
    }
    if (!(await this.useCode(accountRef, totpSecret, code))) {
      await this.throttle.failed(attempt);
      await this.audit.record({ ...known, action: 'sign-in', outcome: 'failed' });
      throw new CodeRefused();
    }
    await this.pending.end(half);
    await this.throttle.succeeded(attempt);
    const grants = await this.grants.open({ accountRef, accountPrivateKey: privateKey }, 'all', origin);
    const started = await this.sessions.create({ accountRef, privateKey, grants });
    await this.audit.record({
      ...known,
      session: started.session.idHash,
      action: 'sign-in',
      outcome: 'ok',
    });
    return started;
  }

  /** @throws TooManyTries after it is in the audit log */
  private async reserve(fact: Omit<AuditFact, 'outcome'>, buckets: ThrottleBucket[]): Promise<ThrottledTry> {
    try {
      return await this.throttle.reserve(...buckets);
    } catch (error: unknown) {
      if (error instanceof TooManyTries) {
        await this.audit.record({ ...fact, outcome: 'refused', reason: error.code });
      }
      throw error;
    }
  }

  /** @throws SignInExpired */
  private async expired(origin: AuditOrigin): Promise<never> {
    const problem = new SignInExpired();
    await this.audit.record({ ...origin, action: 'sign-in', outcome: 'refused', reason: problem.code });
    throw problem;
  }

  /** Of any number of requests with one code at most one gets true: the row takes a time step once. */
  private async useCode(accountRef: string, secret: string, code: string): Promise<boolean> {
    const step = totpStep(secret, code, null);
    if (step === null) {
      return false;
    }
    crashPoint('before-commit:totp-step');
    const { affectedRows } = await this.dataSource.query<{ affectedRows: number }>(
      `UPDATE account SET totp_last_step = ?
       WHERE account_ref = ? AND state <> 'revoked' AND (totp_last_step IS NULL OR totp_last_step < ?)`,
      [step, hexBytes(accountRef), step],
    );
    crashPoint('after-commit:totp-step');
    return affectedRows === 1;
  }

  private saltOfNobody(index: string): Buffer {
    return this.ofNobody(`salt|${index}`).subarray(0, 16);
  }

  private verifierOfNobody(index: string): Buffer {
    return this.ofNobody(`verifier|${index}`);
  }

  private ofNobody(use: string): Buffer {
    return createHmac('sha256', this.config.blindIndexKey).update(`nobody|${use}`).digest();
  }
}
