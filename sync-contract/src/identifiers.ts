import { randomBytes } from 'node:crypto';
import { z } from 'zod';

/** 128-bit random id as 32 lower-case hex digits: accountRef, patientRef, stream, grant and invite ids. */
export const Ref = z.string().regex(/^[0-9a-f]{32}$/);
export type Ref = z.infer<typeof Ref>;

export function newRef(): Ref {
  return randomBytes(16).toString('hex');
}

/** Id of a FHIR resource in the replica: 32 digits that only the inside can make. */
export const ResourceId = z.string().regex(/^[0-9a-f]{32}$/);

export const SiteId = z.uuid();
/** UUID version 7 (RFC 9562). */
export const SubmissionId = z.uuidv7();
/** 32-byte digest or HMAC as 64 lower-case hex digits. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/);
/** Key id: the first 16 hex digits of SHA-256 over the raw public key. */
export const Kid = z.string().regex(/^[0-9a-f]{16}$/);
export const Base64Url = z.string().regex(/^[A-Za-z0-9_-]*$/);
/** Instant in UTC with milliseconds, `2026-11-22T10:00:00.000Z`. */
export const Instant = z.iso.datetime({ precision: 3 });
/** Order of replicated state: era first, then seq. Only a restore raises the era. */
export const Version = z.strictObject({ era: z.int().min(1), seq: z.int().min(0) });
export type Version = z.infer<typeof Version>;

/** Negative when a is older than b, 0 when equal. */
export function compareVersions(a: Version, b: Version): number {
  return a.era - b.era || a.seq - b.seq;
}
