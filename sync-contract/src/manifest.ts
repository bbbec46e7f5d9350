import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Digest, Instant, Ref, SiteId, Version } from './identifiers.js';
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

export const ManifestEntry = z.strictObject({
  /** HMAC of the section's name, hex */
  id: Digest,
  version: Version,
  epoch: z.int().min(1),
  /** bytes of the sealed section */
  size: z.int().min(1).max(LIMITS.sectionBytes),
  /** SHA-256 of the sealed section, hex */
  sha256: Digest,
  /** the clinic's time from which on later changes are not in this section */
  asOf: Instant,
});
export type ManifestEntry = z.infer<typeof ManifestEntry>;

/** All sections of a chart. `era, seq` orders manifests; a section carries the version of the manifest that brought it. */
export const Manifest = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  patientRef: Ref,
  era: z.int().min(1),
  seq: z.int().min(1),
  /** the clinic's time when it was made; what is not in it may be older */
  asOf: Instant,
  sections: z.array(ManifestEntry).max(LIMITS.manifestSections),
  /** since version 3: the practice finds out whose chart this is; until then it stays as it is */
  frozen: z.literal(true).optional(),
});
export type Manifest = z.infer<typeof Manifest>;

export function signManifest(manifest: Manifest, key: SigningKey): Signed {
  return signStatement('manifest', Manifest.parse(manifest), key);
}

/** @throws StatementRefused for a wrong signature, signer, site or patient */
export function verifyManifest(
  signed: Signed,
  expected: { site: string; patientRef: string },
  keyFor: (kid: string) => VerifyingKey | undefined,
): Manifest {
  const manifest = verifyStatement('manifest', signed, Manifest, keyFor);
  if (manifest.site !== expected.site || manifest.patientRef !== expected.patientRef) {
    throw new StatementRefused('it is of another site or chart');
  }
  return manifest;
}

/** Whether sealed bytes are the ones the manifest names. */
export function matchesEntry(entry: ManifestEntry, sealed: Uint8Array): boolean {
  return sealed.length === entry.size && createHash('sha256').update(sealed).digest('hex') === entry.sha256;
}
