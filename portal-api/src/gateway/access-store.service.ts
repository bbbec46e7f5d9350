import { Injectable } from '@nestjs/common';
import type {
  EnrolmentsRequest,
  InvitesRequest,
  RevocationsAnswer,
  RevocationsRequest,
} from 'sync-contract/gateway-wire';
import { verifyGrant, type Grant } from 'sync-contract/grant';
import { Signed } from 'sync-contract/signed';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes, uuidBytes } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { GatewayConfig } from '../gateway-config.js';
import type { PortalEvent } from '../events/portal-event.js';
import { EventPublisher } from './event-publisher.js';
import { GatewayKeys } from './gateway-keys.js';
import { InviteNotAccepted, NotSupportedYet } from './gateway.problems.js';

/** Who may come in and what they may see: invites, answers to acceptances, grants, and their end. All calls are idempotent. */
@Injectable()
export class AccessStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keys: GatewayKeys,
    private readonly audit: AuditService,
    private readonly events: EventPublisher,
    private readonly config: GatewayConfig,
  ) {}

  /** An invite that was used stays used, and one that was withdrawn stays withdrawn. @throws InviteNotAccepted */
  async invites({ invites }: InvitesRequest): Promise<void> {
    await this.change(async (manager) => {
      for (const invite of invites) {
        await this.storeInvite(manager, invite);
      }
      await this.append(
        manager,
        'gateway-invites',
        invites.map((invite) => invite.inviteId),
      );
    });
  }

  private async storeInvite(manager: EntityManager, invite: InvitesRequest['invites'][number]): Promise<void> {
    const [id, lookup] = [hexBytes(invite.inviteId), hexBytes(invite.lookup)];
    const held = await manager.query<{ invite_id: Buffer; lookup: Buffer }[]>(
      'SELECT invite_id, lookup FROM invite WHERE invite_id = ? OR lookup = ? FOR UPDATE',
      [id, lookup],
    );
    if (held.some((row) => !row.invite_id.equals(id) || !row.lookup.equals(lookup))) {
      throw new InviteNotAccepted();
    }
    await manager.query(
      `INSERT INTO invite (invite_id, lookup, expires_at, state, account_ref) VALUES (?, ?, ?, ?, NULL)
       ON DUPLICATE KEY UPDATE expires_at = VALUES(expires_at), state = IF(VALUES(state) = 'void', 'void', state)`,
      [id, lookup, new Date(invite.expiresAt), invite.state],
    );
  }

  /**
   * What inside decided about acceptances. A late "wrong date" neither undoes an acceptance nor answers an attempt that
   * was made after it. Accounts that are not here are passed over.
   */
  async enrolments({ enrolments }: EnrolmentsRequest): Promise<void> {
    const changed = await this.change(async (manager) => {
      const accounts: string[] = [];
      for (const enrolment of enrolments) {
        if (await this.storeEnrolment(manager, enrolment)) {
          accounts.push(enrolment.accountRef);
        }
      }
      await this.append(manager, 'gateway-enrolments', accounts);
      return accounts;
    });
    this.events.publish(...accountEvents(changed));
  }

  private async storeEnrolment(
    manager: EntityManager,
    enrolment: EnrolmentsRequest['enrolments'][number],
  ): Promise<boolean> {
    const account = hexBytes(enrolment.accountRef);
    const [held] = await manager.query<{ state: string }[]>(
      'SELECT state FROM account WHERE account_ref = ? FOR UPDATE',
      [account],
    );
    if (held?.state !== 'joining') {
      return false;
    }
    if (enrolment.outcome === 'wrong-date' && !(await this.isNewest(manager, account, enrolment.submissionId))) {
      return false;
    }
    await manager.query(
      'UPDATE account SET state = ?, enrolment_outcome = ?, enrolment_tries_left = ? WHERE account_ref = ?',
      [enrolment.outcome === 'accepted' ? 'active' : 'joining', enrolment.outcome, enrolment.triesLeft, account],
    );
    return true;
  }

  /** Whether the account has sent no acceptance after this one. */
  private async isNewest(manager: EntityManager, account: Buffer, submissionId: string): Promise<boolean> {
    const later = await manager.query<unknown[]>(
      `SELECT 1 FROM outbox WHERE account_ref = ? AND kind = 'enrolment' AND position >
         (SELECT position FROM outbox WHERE submission_id = ?) LIMIT 1`,
      [account, uuidBytes(submissionId)],
    );
    return later.length === 0;
  }

  /** Grants that the agent signed; an older issue never replaces a newer one. @throws StatementRefused, NotSupportedYet */
  async grants(statements: readonly Signed[]): Promise<void> {
    const grants = statements.map((signed) => ({
      signed,
      grant: verifyGrant(signed, this.config.siteId, this.keys.signer),
    }));
    if (grants.some(({ grant }) => grant.terms.classes !== 'all')) {
      throw new NotSupportedYet(
        'grants that are limited to some classes of records are not supported yet: issue full grants',
      );
    }
    await this.change(async (manager) => {
      for (const { signed, grant } of grants) {
        await this.storeGrant(manager, signed, grant);
      }
      await this.append(
        manager,
        'gateway-grants',
        grants.map(({ grant }) => grant.terms.grantId),
      );
    });
    this.events.publish(...accountEvents(grants.map(({ grant }) => grant.terms.accountRef)));
  }

  private async storeGrant(manager: EntityManager, signed: Signed, { terms }: Grant): Promise<void> {
    const id = hexBytes(terms.grantId);
    const [held] = await manager.query<{ signed: string }[]>(
      'SELECT signed FROM chart_grant WHERE grant_id = ? FOR UPDATE',
      [id],
    );
    if (held !== undefined && this.issuedAt(held.signed, terms.grantId) > terms.issuedAt) {
      return;
    }
    await manager.query(
      held === undefined
        ? 'INSERT INTO chart_grant (account_ref, patient_ref, signed, epoch, starts_at, ends_at, grant_id) VALUES (?, ?, ?, ?, ?, ?, ?)'
        : 'UPDATE chart_grant SET account_ref = ?, patient_ref = ?, signed = ?, epoch = ?, starts_at = ?, ends_at = ? WHERE grant_id = ?',
      [
        hexBytes(terms.accountRef),
        hexBytes(terms.patientRef),
        JSON.stringify(signed),
        terms.epoch,
        new Date(terms.from),
        terms.to === null ? null : new Date(terms.to),
        id,
      ],
    );
  }

  /** Of a stored grant; a row that does not hold the grant of its id is older than any other, so that it is replaced. */
  private issuedAt(stored: string, grantId: string): string {
    try {
      const { terms } = verifyGrant(Signed.parse(JSON.parse(stored)), this.config.siteId, this.keys.signer);
      return terms.grantId === grantId ? terms.issuedAt : '';
    } catch {
      return '';
    }
  }

  /**
   * Crypto-shredding: with the grants the only copies of the chart key in the DMZ go, then what it opened; of an account
   * that ends, the wrapped keys. Envelopes stay, sealed to the inside, until they are collected.
   */
  async revocations({ grantIds, charts, accounts = [] }: RevocationsRequest): Promise<RevocationsAnswer> {
    const revokedAt = new Date().toISOString();
    const { events, sectionsDeleted } = await this.change(async (manager) => {
      const told = new Set(accounts);
      const doomed = await grantsToRevoke(manager, grantIds, charts, accounts);
      for (const row of doomed) {
        told.add(row.account_ref.toString('hex'));
        await manager.query('DELETE FROM chart_grant WHERE grant_id = ?', [row.grant_id]);
      }
      let deleted = 0;
      for (const patientRef of charts) {
        deleted += await shredChart(manager, hexBytes(patientRef));
      }
      await endAccounts(manager, accounts);
      await this.append(manager, 'gateway-revocations', [...grantIds, ...charts, ...accounts]);
      return { events: accountEvents([...told]), sectionsDeleted: deleted };
    });
    this.events.publish(...events);
    return { revokedAt, sectionsDeleted };
  }

  /** The one way in which anything here is committed. */
  private async change<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const result = await settleTransaction(this.dataSource, async (manager) => {
      const done = await work(manager);
      crashPoint('before-commit:gateway-access');
      return done;
    });
    crashPoint('after-commit:gateway-access');
    return result;
  }

  private async append(
    manager: EntityManager,
    action: 'gateway-invites' | 'gateway-enrolments' | 'gateway-grants' | 'gateway-revocations',
    objects: readonly string[],
  ): Promise<void> {
    if (objects.length > 0) {
      await this.audit.append(
        manager,
        ...objects.map((object) => ({ action, outcome: 'ok' as const, actor: 'agent', object })),
      );
    }
  }
}

function accountEvents(accountRefs: readonly string[]): PortalEvent[] {
  const seq = Date.now();
  return [...new Set(accountRefs)].map((accountRef) => ({ accountRef, kind: 'account', seq }));
}

async function grantsToRevoke(
  manager: EntityManager,
  grantIds: readonly string[],
  charts: readonly string[],
  accounts: readonly string[],
): Promise<{ grant_id: Buffer; account_ref: Buffer }[]> {
  const found: { grant_id: Buffer; account_ref: Buffer }[] = [];
  for (const [column, refs] of [
    ['grant_id', grantIds],
    ['patient_ref', charts],
    ['account_ref', accounts],
  ] as const) {
    if (refs.length > 0) {
      found.push(
        ...(await manager.query<{ grant_id: Buffer; account_ref: Buffer }[]>(
          `SELECT grant_id, account_ref FROM chart_grant WHERE ${column} IN (?) FOR UPDATE`,
          [refs.map(hexBytes)],
        )),
      );
    }
  }
  return found;
}

/** What the password opened goes; what recognises it stays a while, so that its owner is told what happened. */
async function endAccounts(manager: EntityManager, accounts: readonly string[]): Promise<void> {
  if (accounts.length > 0) {
    await manager.query(
      `UPDATE account SET state = 'revoked', revoked_at = UTC_TIMESTAMP(3), private_key_wrapped = '', totp_wrapped = '',
          enrolment_proof_sealed = NULL
        WHERE account_ref IN (?) AND state <> 'revoked'`,
      [accounts.map(hexBytes)],
    );
  }
}

/** @returns number of sections that went */
async function shredChart(manager: EntityManager, chart: Buffer): Promise<number> {
  const [counted] = await manager.query<{ sections: number | string }[]>(
    'SELECT COUNT(*) AS sections FROM section WHERE patient_ref = ?',
    [chart],
  );
  await manager.query('DELETE FROM section WHERE patient_ref = ?', [chart]);
  await manager.query('DELETE FROM own_copy WHERE patient_ref = ?', [chart]);
  await manager.query(
    'DELETE c FROM document_chunk c JOIN document_blob b ON b.blob_id = c.blob_id WHERE b.patient_ref = ?',
    [chart],
  );
  await manager.query('DELETE FROM document_blob WHERE patient_ref = ?', [chart]);
  await manager.query('DELETE FROM chart WHERE patient_ref = ?', [chart]);
  return Number(counted?.sections ?? 0);
}
