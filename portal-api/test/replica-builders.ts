import { createHash, randomBytes } from 'node:crypto';
import { issueGrant, type GrantTerms } from 'sync-contract/grant';
import { bucketOf, bucketRoot, heartbeatRoot, signHeartbeat, type HeartbeatLeaf } from 'sync-contract/heartbeat';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { newRef, type Version } from 'sync-contract/identifiers';
import { signManifest, type Manifest, type ManifestEntry } from 'sync-contract/manifest';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import type { Signed, SigningKey } from 'sync-contract/signed';

/** A section as the agent sends it, with its entry. The gateway never opens it, so random bytes are as good as sealed ones. */
export interface BuiltSection {
  entry: ManifestEntry;
  sent: { id: string; version: Version; epoch: number; sealed: string };
}

export function buildSection(
  overrides: { id?: string; version?: Version; epoch?: number; bytes?: Buffer } = {},
): BuiltSection {
  const bytes = overrides.bytes ?? randomBytes(2_076);
  const id = overrides.id ?? randomBytes(32).toString('hex');
  const version = overrides.version ?? { era: 1, seq: 1 };
  const epoch = overrides.epoch ?? 1;
  return {
    entry: {
      id,
      version,
      epoch,
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      asOf: new Date().toISOString(),
    },
    sent: { id, version, epoch, sealed: bytes.toString('base64') },
  };
}

export function buildManifest(
  key: SigningKey,
  terms: { site: string; patientRef: string } & Partial<Manifest>,
  entries: ManifestEntry[],
): Signed {
  return signManifest(
    { v: PROTOCOL_VERSION, era: 1, seq: 1, asOf: new Date().toISOString(), sections: entries, ...terms },
    key,
  );
}

export async function buildGrant(
  key: SigningKey,
  terms: { site: string } & Partial<GrantTerms>,
): Promise<{ signed: Signed; terms: GrantTerms }> {
  const { publicKey } = await newHpkeKeyPair();
  const whole: GrantTerms = {
    v: PROTOCOL_VERSION,
    grantId: newRef(),
    accountRef: newRef(),
    patientRef: newRef(),
    relation: 'self',
    scopes: ['message'],
    classes: 'all',
    epoch: 1,
    from: new Date(Date.now() - 1_000).toISOString(),
    to: null,
    publicKey: publicKey.toString('base64url'),
    issuedAt: new Date().toISOString(),
    ...terms,
  };
  return { signed: await issueGrant(whole, randomBytes(32), key), terms: whole };
}

export function buildLeaf(overrides: Partial<HeartbeatLeaf> = {}): HeartbeatLeaf {
  return { patientRef: newRef(), era: 1, seq: 1, manifestHash: randomBytes(32).toString('hex'), ...overrides };
}

/** Leaves of all buckets, as the agent's heartbeat covers them. */
export function buildHeartbeat(
  key: SigningKey,
  terms: { site: string; era?: number; seq?: number; t?: string },
  leaves: readonly HeartbeatLeaf[],
): { heartbeat: Signed; bucketRoots: string[]; buckets: { bucket: number; leaves: HeartbeatLeaf[] }[] } {
  const buckets = Array.from({ length: 256 }, (_, bucket) => ({
    bucket,
    leaves: leaves.filter((leaf) => bucketOf(leaf.patientRef) === bucket),
  }));
  const bucketRoots = buckets.map((bucket) => bucketRoot(bucket.leaves));
  const now = new Date().toISOString();
  const heartbeat = signHeartbeat(
    {
      v: PROTOCOL_VERSION,
      era: 1,
      seq: 1,
      issuedAt: now,
      t: now,
      root: heartbeatRoot(bucketRoots),
      exceptions: [],
      ...terms,
    },
    key,
  );
  return { heartbeat, bucketRoots, buckets: buckets.filter((bucket) => bucket.leaves.length > 0) };
}
