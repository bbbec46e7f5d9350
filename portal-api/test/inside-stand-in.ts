import { createHash, randomBytes } from 'node:crypto';
import { BlobSeal } from 'sync-contract/blob';
import type { RecordClass } from 'sync-contract/classes';
import { classOfSection } from 'sync-contract/classes';
import { openEnvelope, Envelope } from 'sync-contract/envelope';
import { signEra } from 'sync-contract/era-statement';
import { issueGrant, type GrantTerms } from 'sync-contract/grant';
import {
  HEARTBEAT_BUCKETS,
  bucketOf,
  bucketRoot,
  heartbeatRoot,
  signHeartbeat,
  type HeartbeatLeaf,
} from 'sync-contract/heartbeat';
import { newHpkeKeyPair, type HpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { formatInviteCode, inviteLookup, newInviteCode } from 'sync-contract/invite';
import { signManifest, type ManifestEntry } from 'sync-contract/manifest';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import type { DocumentContent } from 'sync-contract/section-content';
import { deriveClassKey, sealSection, sectionId } from 'sync-contract/section';
import {
  kidOf,
  newSigningPair,
  signStatement,
  signingKey,
  statementHash,
  type Signed,
  type SigningKey,
} from 'sync-contract/signed';
import type { ZoneAccess } from 'infra/services/services';

const YEAR_MS = 365 * 86_400_000;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

export interface PublishedChart {
  manifest: Signed;
  entries: ManifestEntry[];
}

/**
 * Plays agent and gateway for tests of the public process: makes the inside's keys and writes, as root of the
 * database, the rows that the gateway would. What it signs and seals is real.
 */
export class InsideStandIn {
  readonly root = newSigningPair();
  private readonly rootKey = signingKey(this.root.privateKey);
  readonly sign: SigningKey;
  private readonly signPublic: Buffer;
  private seal: HpkeKeyPair | undefined;
  private readonly chartKeys = new Map<string, Buffer>();
  private readonly leaves = new Map<string, HeartbeatLeaf>();
  private heartbeatSeq = 0;
  /** what is signed from now on belongs to it */
  era = 1;

  constructor(
    private readonly dmz: ZoneAccess,
    readonly database: string,
    readonly site: string,
  ) {
    const pair = newSigningPair();
    this.signPublic = pair.publicKey;
    this.sign = signingKey(pair.privateKey);
  }

  /** A statement in the portal's database; `??` takes a table of it. */
  async sql(
    statement: string,
    params: (string | number | Buffer | Date | null)[] = [],
  ): Promise<Record<string, unknown>[]> {
    return this.dmz.adminSql(statement.replaceAll('{db}', this.database), params);
  }

  async handOverKeys(): Promise<void> {
    this.seal = await newHpkeKeyPair();
    await this.stateKey('sign', this.signPublic);
    await this.stateKey('seal', this.seal.publicKey);
  }

  async stateKey(use: 'sign' | 'seal', publicKey: Buffer, by: SigningKey = this.rootKey): Promise<void> {
    const now = Date.now();
    const signed = signStatement(
      'key-statement',
      {
        v: PROTOCOL_VERSION,
        site: this.site,
        kid: kidOf(publicKey),
        use,
        publicKey: publicKey.toString('base64url'),
        notBefore: new Date(now - YEAR_MS).toISOString(),
        notAfter: new Date(now + YEAR_MS).toISOString(),
      },
      by,
    );
    await this.sql('REPLACE INTO {db}.key_statement (kid, signed) VALUES (?, ?)', [
      kidOf(publicKey),
      JSON.stringify(signed),
    ]);
  }

  /** @returns the code as printed */
  async invite(expiresAt: Date = new Date(Date.now() + 3_600_000)): Promise<string> {
    const code = newInviteCode();
    await this.sql(
      `INSERT INTO {db}.invite (invite_id, lookup, expires_at, state, account_ref) VALUES (?, ?, ?, 'open', NULL)`,
      [bytes(code.inviteId), bytes(inviteLookup(code.secret)), sqlTime(expiresAt)],
    );
    return formatInviteCode(code);
  }

  /** Opens the newest envelope of an account with the inside's key. */
  async newestPayload(accountRef: string): Promise<unknown> {
    const [row] = await this.sql(
      'SELECT envelope FROM {db}.outbox WHERE account_ref = ? ORDER BY position DESC LIMIT 1',
      [bytes(accountRef)],
    );
    const envelope = Envelope.parse(JSON.parse(String(row?.['envelope'])));
    return openEnvelope(envelope, this.site, this.seal?.privateKey ?? Buffer.alloc(0));
  }

  chartKey(patientRef: string, epoch = 1): Buffer {
    const memo = `${patientRef}|${String(epoch)}`;
    const key = this.chartKeys.get(memo) ?? createHash('sha256').update(memo).update(this.rootKey.kid).digest();
    this.chartKeys.set(memo, key);
    return key;
  }

  /** Accepts an enrolment: a grant on the chart and the account active. */
  async grant(accountRef: string, patientRef: string, terms: Partial<GrantTerms> = {}): Promise<string> {
    const [account] = await this.sql('SELECT public_key FROM {db}.account WHERE account_ref = ?', [bytes(accountRef)]);
    const full: GrantTerms = {
      v: PROTOCOL_VERSION,
      site: this.site,
      grantId: newRef(),
      accountRef,
      patientRef,
      relation: 'self',
      scopes: ['message'],
      classes: 'all',
      epoch: 1,
      from: new Date(Date.now() - 1_000).toISOString(),
      to: null,
      publicKey: (account?.['public_key'] as Buffer).toString('base64url'),
      issuedAt: new Date().toISOString(),
      ...terms,
    };
    const signed = await issueGrant(full, this.chartKey(full.patientRef, full.epoch), this.sign);
    await this.storeGrant(full, signed);
    await this.sql(
      `UPDATE {db}.account SET state = 'active', enrolment_outcome = 'accepted', enrolment_tries_left = 5 WHERE account_ref = ?`,
      [bytes(accountRef)],
    );
    return full.grantId;
  }

  async storeGrant(terms: GrantTerms, signed: Signed): Promise<void> {
    await this.sql(
      `REPLACE INTO {db}.chart_grant (grant_id, account_ref, patient_ref, signed, epoch, starts_at, ends_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      [
        bytes(terms.grantId),
        bytes(terms.accountRef),
        bytes(terms.patientRef),
        JSON.stringify(signed),
        terms.epoch,
        sqlTime(new Date(terms.from)),
        terms.to === null ? null : sqlTime(new Date(terms.to)),
      ],
    );
  }

  /** What the gateway stores of the root's word, or of what somebody else gave out as such. */
  async stateEra(era: number, by: SigningKey = this.rootKey): Promise<void> {
    await this.sql('REPLACE INTO {db}.era (era, signed) VALUES (?, ?)', [
      era,
      JSON.stringify(signEra(this.site, era, by)),
    ]);
  }

  /** Replaces a chart with these sections at (era, seq). @param asOf of the sections @param madeAt of the manifest */
  async publish(
    patientRef: string,
    sections: Record<string, unknown>,
    {
      seq = 1,
      asOf = new Date(),
      epoch = 1,
      frozen = false,
      madeAt = new Date(),
      came = new Date(),
    }: { seq?: number; asOf?: Date; epoch?: number; frozen?: boolean; madeAt?: Date; came?: Date } = {},
  ): Promise<PublishedChart> {
    const { era } = this;
    const version = { era, seq };
    const entries: ManifestEntry[] = [];
    await this.sql('DELETE FROM {db}.section WHERE patient_ref = ?', [bytes(patientRef)]);
    for (const [name, content] of Object.entries(sections)) {
      const classKey = deriveClassKey(this.chartKey(patientRef, epoch), classOfSection(name) as RecordClass);
      const id = sectionId(classKey, name);
      const sealed = sealSection(classKey, { site: this.site, patientRef, sectionId: id, version, epoch }, content);
      entries.push({ id, version, epoch, size: sealed.length, sha256: sha256(sealed), asOf: asOf.toISOString() });
      await this.sql(
        `INSERT INTO {db}.section (patient_ref, section_id, era, seq, epoch, sha256, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [bytes(patientRef), bytes(id), era, seq, epoch, bytes(sha256(sealed)), sealed],
      );
    }
    const manifest = signManifest(
      {
        ...{ v: PROTOCOL_VERSION, site: this.site, patientRef, ...version, asOf: madeAt.toISOString() },
        ...{ sections: entries, ...(frozen ? { frozen } : {}) },
      },
      this.sign,
    );
    await this.storeManifest(patientRef, seq, manifest, came);
    this.leaves.set(patientRef, { patientRef, era, seq, manifestHash: statementHash(manifest) });
    return { manifest, entries };
  }

  /** Stores a document's bytes as a whole blob. @returns its entry in the section `documents` */
  async storeDocument(
    patientRef: string,
    documentId: string,
    content: Buffer,
  ): Promise<Extract<DocumentContent, { state: 'held' }>> {
    const [key, blobId] = [randomBytes(32), newRef()];
    const seal = new BlobSeal(key, { site: this.site, patientRef, blobId }, content.length);
    const hash = createHash('sha256');
    let n = 0;
    for (const chunk of seal.seal(content)) {
      hash.update(chunk);
      await this.sql('INSERT INTO {db}.document_chunk (blob_id, n, sealed) VALUES (?, ?, ?)', [
        bytes(blobId),
        n,
        chunk,
      ]);
      n += 1;
    }
    const digest = hash.digest('hex');
    await this.sql(
      `INSERT INTO {db}.document_blob (blob_id, patient_ref, chunks, size, sha256, created_at, completed_at)
        VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
      [bytes(blobId), bytes(patientRef), seal.shape.chunks, seal.shape.size, bytes(digest)],
    );
    return {
      state: 'held',
      documentId,
      blobId,
      key: key.toString('base64url'),
      sha256: digest,
      size: content.length,
    };
  }

  async storeManifest(patientRef: string, seq: number, manifest: Signed, came = new Date()): Promise<void> {
    await this.sql(
      `REPLACE INTO {db}.chart (patient_ref, era, seq, manifest, manifest_hash, updated_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      [bytes(patientRef), this.era, seq, JSON.stringify(manifest), bytes(statementHash(manifest)), sqlTime(came)],
    );
  }

  /** A heartbeat over everything published so far. */
  async beat(t: Date = new Date(), exceptions: { patientRef: string; t: string }[] = []): Promise<void> {
    this.heartbeatSeq += 1;
    const buckets = Array.from({ length: HEARTBEAT_BUCKETS }, (_, i) =>
      [...this.leaves.values()].filter((leaf) => bucketOf(leaf.patientRef) === i),
    );
    const roots = buckets.map((leaves) => bucketRoot(leaves));
    const signed = signHeartbeat(
      {
        v: PROTOCOL_VERSION,
        site: this.site,
        era: this.era,
        seq: this.heartbeatSeq,
        issuedAt: new Date().toISOString(),
        t: t.toISOString(),
        root: heartbeatRoot(roots),
        exceptions,
      },
      this.sign,
    );
    await this.sql('REPLACE INTO {db}.heartbeat (id, era, seq, signed, bucket_roots) VALUES (1, ?, ?, ?, ?)', [
      this.era,
      this.heartbeatSeq,
      JSON.stringify(signed),
      bytes(roots.join('')),
    ]);
    for (const [bucket, leaves] of buckets.entries()) {
      if (leaves.length > 0) {
        await this.sql('REPLACE INTO {db}.heartbeat_bucket (bucket, leaves) VALUES (?, ?)', [
          bucket,
          JSON.stringify(leaves),
        ]);
      }
    }
  }
}

export function sqlTime(date: Date): string {
  return date.toISOString().replace('T', ' ').replace('Z', '');
}
