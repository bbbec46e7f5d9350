import { Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SealBroken } from 'sync-contract/aead';
import { ScopedGrantNotSupported, openGrant, verifyGrant } from 'sync-contract/grant';
import { Signed, StatementRefused } from 'sync-contract/signed';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { PortalConfig } from '../config.js';
import { hexBytes } from '../database/hex-column.js';
import { KeyringService } from '../keys/keyring.service.js';
import { SignedOut } from '../problems/request.problems.js';
import { STORED_GRANTS, grantName, grantVersion, type OpenedGrant, type Session } from './session.js';
import { SessionStore } from './session.store.js';

/** A grant that did not open is not tried again for this long, so that a bad row costs no work at every request. */
const REFUSED_MS = 30_000;

/** Standing of an account as its row says. */
export interface AccountStanding {
  state: 'joining' | 'active';
  enrolment: { outcome: 'accepted' | 'wrong-date' | 'void'; triesLeft: number } | null;
}

interface StandingRow {
  state: 'joining' | 'active' | 'revoked';
  outcome: 'accepted' | 'wrong-date' | 'void' | null;
  triesLeft: number | null;
  grants: string | null;
}

/**
 * Holds a session's grants equal to those stored for its account. A grant that is gone from the database, or
 * replaced under its id, is gone from the session at its next request; a new one is verified against the inside's
 * signature and opened once.
 */
@Injectable()
export class SessionGrants {
  private readonly logger = new Logger(SessionGrants.name);
  private readonly refused = new Map<string, number>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly keyring: KeyringService,
    private readonly store: SessionStore,
    private readonly audit: AuditService,
    private readonly config: PortalConfig,
  ) {}

  /** @throws SignedOut when the account is gone or revoked; the session ends with it */
  async refresh(session: Session, origin: AuditOrigin): Promise<AccountStanding> {
    const [row] = await this.dataSource.query<StandingRow[]>(
      `SELECT a.state AS state, a.enrolment_outcome AS outcome, a.enrolment_tries_left AS triesLeft,
         ${STORED_GRANTS} AS grants
       FROM account a WHERE a.account_ref = ?`,
      [hexBytes(session.accountRef)],
    );
    if (row === undefined || row.state === 'revoked') {
      await this.store.end(session);
      throw new SignedOut();
    }
    await this.follow(session, row.grants ?? '', origin);
    return {
      state: row.state,
      enrolment: row.outcome === null ? null : { outcome: row.outcome, triesLeft: row.triesLeft ?? 0 },
    };
  }

  /** @param stored names of the account's stored grants, sorted and joined by a space */
  async follow(session: Session, stored: string, origin: AuditOrigin): Promise<void> {
    if (stored === session.grantList) {
      return;
    }
    const wanted = new Set(
      stored.split(' ').filter((name) => name !== '' && !this.wasRefused(session.accountRef, name)),
    );
    const kept = session.grants.filter((grant) => wanted.has(grantName(grant)));
    const missing = [...wanted].filter((name) => !kept.some((grant) => grantName(grant) === name));
    if (missing.length === 0 && kept.length === session.grants.length) {
      return;
    }
    const added = missing.length === 0 ? [] : await this.open(session, new Set(missing), origin);
    session.replaceGrants([...kept, ...added]);
    await this.store.save(session);
  }

  /** Opens the account's stored grants with its private key; what does not verify is left out and named in the log. */
  async open(
    account: { accountRef: string; accountPrivateKey: Buffer },
    only: ReadonlySet<string> | 'all',
    origin: AuditOrigin,
  ): Promise<OpenedGrant[]> {
    const stored = await this.dataSource.query<{ grantId: string; signed: string }[]>(
      'SELECT LOWER(HEX(grant_id)) AS grantId, signed FROM chart_grant WHERE account_ref = ?',
      [hexBytes(account.accountRef)],
    );
    const opened: OpenedGrant[] = [];
    const rows = stored.map((row) => ({ ...row, version: grantVersion(row.signed) }));
    for (const row of rows.filter((each) => only === 'all' || only.has(grantName(each)))) {
      const grant = await this.openOne(account, row);
      await this.audit.record({
        ...origin,
        actor: account.accountRef,
        action: 'grant-open',
        outcome: grant === null ? 'refused' : 'ok',
        onBehalfOf: grant?.patientRef ?? null,
        object: row.grantId,
      });
      if (grant !== null) {
        opened.push(grant);
      }
    }
    return opened;
  }

  private async openOne(
    account: { accountRef: string; accountPrivateKey: Buffer },
    row: { grantId: string; version: string; signed: string },
  ): Promise<OpenedGrant | null> {
    try {
      const signed = Signed.parse(JSON.parse(row.signed));
      await this.keyring.know(signed.kid);
      const grant = verifyGrant(signed, this.config.siteId, this.keyring.signer);
      const { terms } = grant;
      if (terms.accountRef !== account.accountRef || terms.grantId !== row.grantId) {
        throw new StatementRefused('it is of another account');
      }
      const chartKey = await openGrant(grant, account.accountPrivateKey);
      const { grantId, patientRef, relation, scopes, epoch, from, to } = terms;
      return { grantId, version: row.version, patientRef, relation, scopes, epoch, from, to, chartKey };
    } catch (error: unknown) {
      const known =
        error instanceof StatementRefused || error instanceof SealBroken || error instanceof ScopedGrantNotSupported;
      // By account: a row that was moved to another account is no reason to pass it over once it is back.
      this.refused.set(refusalOf(account.accountRef, grantName(row)), Date.now());
      this.logger.error(`grant ${row.grantId} is ignored: ${known ? error.message : 'it is not a signed grant'}`);
      return null;
    }
  }

  private wasRefused(accountRef: string, name: string): boolean {
    const refusal = refusalOf(accountRef, name);
    const at = this.refused.get(refusal);
    if (at !== undefined && Date.now() - at > REFUSED_MS) {
      this.refused.delete(refusal);
      return false;
    }
    return at !== undefined;
  }
}

function refusalOf(accountRef: string, name: string): string {
  return `${accountRef} ${name}`;
}
