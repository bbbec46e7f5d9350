import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalBytes } from './canonical-json.js';
import { Digest, Instant, Ref, SiteId } from './identifiers.js';
import { LIMITS } from './limits.js';
import { ProtocolVersion } from './protocol.js';
import {
  StatementRefused,
  signStatement,
  verifyStatement,
  type Signed,
  type SigningKey,
  type VerifyingKey,
} from './signed.js';

/** One chart in the heartbeat's tree. */
export const HeartbeatLeaf = z.strictObject({
  patientRef: Ref,
  era: z.int().min(1),
  seq: z.int().min(1),
  /** SHA-256 of the signed manifest text, hex */
  manifestHash: Digest,
});
export type HeartbeatLeaf = z.infer<typeof HeartbeatLeaf>;

/**
 * Signed at least every `TIMES.heartbeat`: which manifest each chart has (as the root of a Merkle tree) and how
 * current the replica is. `t` holds for every chart but the `exceptions`, which carry their own older time.
 */
export const Heartbeat = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  era: z.int().min(1),
  seq: z.int().min(1),
  issuedAt: Instant,
  t: Instant,
  root: Digest,
  exceptions: z.array(z.strictObject({ patientRef: Ref, t: Instant })).max(10_000),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

export const HEARTBEAT_BUCKETS = 256;

/** Bucket of a chart: the first byte of its patientRef. */
export function bucketOf(patientRef: string): number {
  return Number.parseInt(patientRef.slice(0, 2), 16);
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(part);
  }
  return hash.digest();
}

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** Merkle tree hash of RFC 6962 section 2.1 over leaf inputs. */
export function merkleTreeHash(inputs: readonly Uint8Array[]): Buffer {
  if (inputs.length === 0) {
    return sha256();
  }
  const [only] = inputs;
  if (inputs.length === 1 && only !== undefined) {
    return sha256(LEAF, only);
  }
  let split = 1;
  while (split * 2 < inputs.length) {
    split *= 2;
  }
  return sha256(NODE, merkleTreeHash(inputs.slice(0, split)), merkleTreeHash(inputs.slice(split)));
}

/** Root of one bucket; leaves are sorted by patientRef here. */
export function bucketRoot(leaves: readonly HeartbeatLeaf[]): string {
  const sorted = [...leaves].sort((a, b) => (a.patientRef < b.patientRef ? -1 : 1));
  return merkleTreeHash(sorted.map((leaf) => canonicalBytes(leaf))).toString('hex');
}

/** Root over the 256 bucket roots in order. @throws RangeError for another number of buckets */
export function heartbeatRoot(bucketRoots: readonly string[]): string {
  if (bucketRoots.length !== HEARTBEAT_BUCKETS) {
    throw new RangeError(`a heartbeat has ${String(HEARTBEAT_BUCKETS)} buckets`);
  }
  return merkleTreeHash(bucketRoots.map((root) => Buffer.from(root, 'hex'))).toString('hex');
}

/** Leaves of a bucket that travel or rest beside the heartbeat. */
export const HeartbeatBucket = z.strictObject({
  bucket: z
    .int()
    .min(0)
    .max(HEARTBEAT_BUCKETS - 1),
  leaves: z.array(HeartbeatLeaf).max(LIMITS.bucketLeaves),
});
export type HeartbeatBucket = z.infer<typeof HeartbeatBucket>;

export function signHeartbeat(heartbeat: Heartbeat, key: SigningKey): Signed {
  return signStatement('heartbeat', Heartbeat.parse(heartbeat), key);
}

/** @throws StatementRefused */
export function verifyHeartbeat(
  signed: Signed,
  site: string,
  keyFor: (kid: string) => VerifyingKey | undefined,
): Heartbeat {
  const heartbeat = verifyStatement('heartbeat', signed, Heartbeat, keyFor);
  if (heartbeat.site !== site) {
    throw new StatementRefused('it is of another site');
  }
  return heartbeat;
}
