import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { inviteProof, type InviteCode } from 'sync-contract/invite';
import type { AuditFact } from '../audit/audit-chain.js';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { PortalConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { databaseErrorCode, settleTransaction } from '../database/settle-transaction.js';
import { Doorbell } from '../doorbell/doorbell.js';
import type { Join } from '../http.js';
import { accountSettingsKey, type Session } from '../sessions/session.js';
import { SessionStore } from '../sessions/session.store.js';
import { SubmissionsService } from '../submissions/submissions.service.js';
import { Account } from '../credentials/account.entity.js';
import { derivePasswordKeys, newSalt, wrap } from '../credentials/account-secrets.js';
import { CommonPasswords } from '../credentials/common-passwords.js';
import { EnrolmentProof } from './enrolment-proof.js';
import {
  InviteExpired,
  InviteUnknown,
  InviteUsed,
  NameRefused,
  NameTaken,
  PasswordRefused,
  TotpRefused,
} from './join.problems.js';
import { OpenInvites } from './open-invites.js';
import { passwordFault } from '../credentials/password.js';
import { PasswordHasher } from '../credentials/password-hasher.js';
import { SignInName, nameIndex } from '../credentials/sign-in-name.js';
import { totpStep } from '../credentials/totp.js';
import { TotpSetups } from './totp-setup.js';
import { Problem } from '../problems/problem.js';
import { TooManyTries } from '../problems/request.problems.js';
import { ThrottleService } from '../throttle/throttle.service.js';
import { fieldErrors } from '../problems/body.pipe.js';

const ATTEMPTS_REFUSED = [InviteUnknown, InviteUsed, InviteExpired, NameTaken, TotpRefused, TooManyTries];

/** What a checked form says. */
interface Joining {
  code: InviteCode;
  name: SignInName;
  password: string;
  dateOfBirth: string;
  totpSecret: string;
  totpStep: number;
}

/**
 * Joining by invite. Everything that can be wrong is found before anything is written; then account, used invite,
 * the envelope with the acceptance and the audit entry are one transaction.
 */
@Injectable()
export class JoinService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
    private readonly invites: OpenInvites,
    private readonly setups: TotpSetups,
    private readonly throttle: ThrottleService,
    private readonly hasher: PasswordHasher,
    private readonly commonPasswords: CommonPasswords,
    private readonly submissions: SubmissionsService,
    private readonly sessions: SessionStore,
    private readonly audit: AuditService,
    private readonly doorbell: Doorbell,
  ) {}

  /** @throws NameRefused */
  parseName(typed: string): SignInName {
    const parsed = SignInName.safeParse(typed);
    if (!parsed.success) {
      throw new NameRefused(fieldErrors(parsed.error).map(({ message }) => ({ path: 'name', message })));
    }
    return parsed.data;
  }

  /** Whether a code opens an invite, for who is about to fill the form. @throws what `OpenInvites` throws */
  async checkInvite(typed: string, ip: string, origin: AuditOrigin): Promise<void> {
    const code = this.invites.parse(typed);
    await this.audited({ ...origin, action: 'join-check' }, () => this.invites.assertOpen(code, ip));
    await this.audit.record({ ...origin, action: 'join-check', outcome: 'ok', object: code.inviteId });
  }

  /** Another account's name tells that there is one, so it costs the address a try. */
  async join(form: Join, ip: string, origin: AuditOrigin): Promise<{ cookie: string; session: Session }> {
    return this.audited({ ...origin, action: 'join' }, async () => {
      try {
        return await this.joinWith(await this.check(form, ip), origin);
      } catch (error: unknown) {
        if (error instanceof NameTaken) {
          await this.throttle.failed({ counted: [], free: [this.throttle.bucket('address', ip)] });
        }
        throw error;
      }
    });
  }

  /** Attempts that were turned away are in the audit log; a form that is not complete is no attempt. */
  private async audited<T>(fact: Omit<AuditFact, 'outcome'>, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error: unknown) {
      if (error instanceof Problem && ATTEMPTS_REFUSED.some((kind) => error instanceof kind)) {
        const outcome = error instanceof TooManyTries ? 'refused' : 'failed';
        await this.audit.record({ ...fact, outcome, reason: error.code });
      }
      throw error;
    }
  }

  private async joinWith(joining: Joining, origin: AuditOrigin): Promise<{ cookie: string; session: Session }> {
    const index = nameIndex(this.config.blindIndexKey, joining.name);
    const taken = await this.dataSource.getRepository(Account).existsBy({ nameIndex: index });
    if (taken) {
      throw new NameTaken();
    }
    const { account, privateKey, publicKey } = await this.makeAccount(joining, index);
    const proof = {
      inviteId: joining.code.inviteId,
      proof: inviteProof(joining.code.secret, {
        site: this.config.siteId,
        inviteId: joining.code.inviteId,
        accountRef: account.accountRef,
        publicKey,
      }),
    } satisfies EnrolmentProof;
    const settingsKey = accountSettingsKey(privateKey);
    account.enrolmentProofSealed = wrap(settingsKey, account.accountRef, 'enrolment-proof', canonicalBytes(proof));

    await this.refuseTakenName(() =>
      settleTransaction(this.dataSource, async (manager) => {
        await this.invites.use(manager, joining.code, account.accountRef);
        await manager.insert(Account, account);
        await this.submissions.submitEnrolment(manager, {
          accountRef: account.accountRef,
          accountKey: settingsKey,
          payload: { ...proof, accountRef: account.accountRef, publicKey, dateOfBirth: joining.dateOfBirth },
          origin,
        });
        await this.audit.append(manager, {
          ...origin,
          actor: account.accountRef,
          action: 'join',
          outcome: 'ok',
          object: joining.code.inviteId,
        });
        crashPoint('before-commit:join');
      }),
    );
    crashPoint('after-commit:join');
    this.doorbell.ring();
    return this.sessions.create({ accountRef: account.accountRef, privateKey, grants: [] });
  }

  /** @throws the problem of the first field that is wrong; costs a password check only when all are right */
  private async check(form: Join, ip: string): Promise<Joining> {
    const code = this.invites.parse(form.code);
    const name = this.parseName(form.name);
    const words = [this.config.practice.name, 'portal', 'openemr', 'patient', 'password'];
    const fault = passwordFault(form.password, { name, words }, this.commonPasswords.has);
    if (fault !== null) {
      throw new PasswordRefused(fault);
    }
    const totpSecret = this.setups.open(name, form.totp.setup);
    await this.invites.assertOpen(code, ip);
    const step = totpStep(totpSecret, form.totp.code, null);
    if (step === null) {
      throw new TotpRefused();
    }
    await this.setups.used(ip);
    return { code, name, password: form.password, dateOfBirth: form.dateOfBirth, totpSecret, totpStep: step };
  }

  private async makeAccount(
    joining: Joining,
    index: string,
  ): Promise<{ account: Account; privateKey: Buffer; publicKey: string }> {
    const accountRef = newRef();
    const salt = newSalt();
    const keys = await derivePasswordKeys(this.hasher, joining.password, salt, this.config.pepper);
    const pair = await newHpkeKeyPair();
    const account: Account = {
      accountRef,
      nameIndex: index,
      salt: salt.toString('hex'),
      verifier: keys.verifier.toString('hex'),
      publicKey: pair.publicKey.toString('hex'),
      privateKeyWrapped: wrap(keys.wrapKey, accountRef, 'private-key', pair.privateKey),
      totpWrapped: wrap(keys.totpKey, accountRef, 'totp-secret', Buffer.from(joining.totpSecret, 'utf8')),
      totpLastStep: joining.totpStep,
      enrolmentProofSealed: null,
      state: 'joining',
      enrolmentOutcome: null,
      enrolmentTriesLeft: null,
      createdAt: new Date(),
      revokedAt: null,
    };
    return { account, privateKey: pair.privateKey, publicKey: pair.publicKey.toString('base64url') };
  }

  /** Two people may choose one name in the same moment; the index decides. */
  private async refuseTakenName(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error: unknown) {
      if (databaseErrorCode(error) === 'ER_DUP_ENTRY') {
        throw new NameTaken();
      }
      throw error;
    }
  }
}
