import { createHash, createHmac, hkdfSync } from 'node:crypto';
import type { RecordClass } from 'sync-contract/classes';
import type { GrantTerms } from 'sync-contract/grant';
import { TIMES } from 'sync-contract/limits';
import { deriveClassKey } from 'sync-contract/section';

/** A verified grant with the chart key it carried. Lives in memory and, sealed, in the session's record. */
export interface OpenedGrant {
  grantId: string;
  /** hash of the signed text: another one under the same id has other terms */
  version: string;
  patientRef: string;
  relation: GrantTerms['relation'];
  scopes: GrantTerms['scopes'];
  epoch: number;
  /** instants */
  from: string;
  to: string | null;
  chartKey: Buffer;
}

/** SQL of the names of an account's stored grants, sorted and joined by a space; equals `Session.grantList`. */
export const STORED_GRANTS = `(SELECT GROUP_CONCAT(CONCAT(LOWER(HEX(g.grant_id)), '.', SHA2(g.signed, 256))
    ORDER BY g.grant_id SEPARATOR ' ') FROM chart_grant g WHERE g.account_ref = a.account_ref)`;

export function grantVersion(signed: string): string {
  return createHash('sha256').update(signed, 'utf8').digest('hex');
}

export function grantName({ grantId, version }: Pick<OpenedGrant, 'grantId' | 'version'>): string {
  return `${grantId}.${version}`;
}

/** What a session may do with one chart, with the keys of every epoch it was granted. */
export class ChartAccess {
  private readonly classKeyOf = new Map<string, Buffer>();
  private readonly newestFirst: readonly OpenedGrant[];

  /** @param grants at least one, all of the same patientRef */
  constructor(
    readonly patientRef: string,
    grants: readonly OpenedGrant[],
  ) {
    this.newestFirst = [...grants].sort((a, b) => b.epoch - a.epoch);
  }

  get relation(): OpenedGrant['relation'] {
    return this.newestFirst[0]?.relation ?? 'self';
  }

  get scopes(): readonly OpenedGrant['scopes'][number][] {
    return this.newestFirst[0]?.scopes ?? [];
  }

  /** the grant of the newest epoch */
  get grantId(): string {
    return this.newestFirst[0]?.grantId ?? '';
  }

  get epochs(): number[] {
    return [...new Set(this.newestFirst.map((grant) => grant.epoch))];
  }

  /** Key of one class of records, of the newest epoch unless another is asked for. */
  classKey(recordClass: RecordClass, epoch?: number): Buffer | undefined {
    const grant = epoch === undefined ? this.newestFirst[0] : this.newestFirst.find((each) => each.epoch === epoch);
    if (grant === undefined) {
      return undefined;
    }
    const memo = `${recordClass}|${String(grant.epoch)}`;
    const known = this.classKeyOf.get(memo);
    if (known !== undefined) {
      return known;
    }
    const key = deriveClassKey(grant.chartKey, recordClass);
    this.classKeyOf.set(memo, key);
    return key;
  }

  /** Keys of one class of all epochs, newest first: for what was sealed before the last change of key. */
  classKeys(recordClass: RecordClass): Buffer[] {
    return this.epochs.flatMap((epoch) => this.classKey(recordClass, epoch) ?? []);
  }
}

/** A signed-in person for the length of one request. */
export class Session {
  private charts: Map<string, ChartAccess>;
  private opened: readonly OpenedGrant[];

  constructor(
    /** SHA-256 of the session id, hex: name of the record in Redis and in the audit log */
    readonly idHash: string,
    /** the cookie's half: seals the record in Redis */
    readonly cookieKey: Buffer,
    readonly accountRef: string,
    /** raw X25519; opens grants */
    readonly accountPrivateKey: Buffer,
    /** absolute end */
    readonly endsAt: Date,
    grants: readonly OpenedGrant[],
  ) {
    this.opened = grants;
    this.charts = byChart(grants);
  }

  get startedAt(): Date {
    return sessionStart(this.endsAt);
  }

  /** Value of `x-csrf`. Tells nothing about the cookie. */
  get csrf(): string {
    return createHmac('sha256', this.cookieKey).update('csrf').digest('base64url');
  }

  /** Seals what belongs to the account and to no chart, e.g. the proof of an invite. */
  get settingsKey(): Buffer {
    return accountSettingsKey(this.accountPrivateKey);
  }

  get grants(): readonly OpenedGrant[] {
    return this.opened;
  }

  /** Names of the grants, sorted and joined by a space, as the database lists them. */
  get grantList(): string {
    return this.opened.map(grantName).sort().join(' ');
  }

  /** Only by SessionGrants, after it has verified them. */
  replaceGrants(grants: readonly OpenedGrant[]): void {
    this.opened = grants;
    this.charts = byChart(grants);
  }

  chart(patientRef: string): ChartAccess | undefined {
    return this.charts.get(patientRef);
  }

  get chartList(): ChartAccess[] {
    return [...this.charts.values()];
  }
}

/** @param endsAt absolute end of the session */
export function sessionStart(endsAt: Date): Date {
  return new Date(endsAt.getTime() - TIMES.sessionAbsolute);
}

export function accountSettingsKey(accountPrivateKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', accountPrivateKey, Buffer.alloc(0), 'oe-portal|account|settings', 32));
}

/** Grants whose time has come and not gone. */
function byChart(grants: readonly OpenedGrant[]): Map<string, ChartAccess> {
  const now = new Date().toISOString();
  const groups = new Map<string, OpenedGrant[]>();
  for (const grant of grants) {
    if (grant.from <= now && (grant.to === null || now < grant.to)) {
      groups.set(grant.patientRef, [...(groups.get(grant.patientRef) ?? []), grant]);
    }
  }
  return new Map([...groups].map(([patientRef, group]) => [patientRef, new ChartAccess(patientRef, group)]));
}
