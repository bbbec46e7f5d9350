import { createHash, createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { openAead, SEAL_BYTES, sealAead } from './aead.js';
import { canonicalBytes } from './canonical-json.js';
import type { RecordClass } from './classes.js';
import { LIMITS } from './limits.js';
import { pad, unpad } from './padding.js';
import type { Version } from './identifiers.js';

/** Clear fields of a sealed section; all of them are authenticated. */
export interface SectionHeader {
  site: string;
  patientRef: string;
  /** hex HMAC, see `sectionId` */
  sectionId: string;
  version: Version;
  epoch: number;
}

/** Class key (32 bytes) of one class of records, HKDF-SHA-256 of the chart key. */
export function deriveClassKey(chartKey: Uint8Array, recordClass: RecordClass): Buffer {
  return Buffer.from(
    hkdfSync('sha256', createSecretKey(chartKey), Buffer.alloc(0), `oe-portal|class|${recordClass}`, 32),
  );
}

/** Name of a section towards the DMZ: HMAC-SHA-256(class key, name), hex. Nobody without the key learns the name. */
export function sectionId(classKey: Uint8Array, name: string): string {
  return createHmac('sha256', createSecretKey(classKey)).update(`section|${name}`, 'utf8').digest('hex');
}

/** Hash of the plain content, kept inside only; equal content needs no new version. */
export function contentHash(content: unknown): string {
  return hashOfContent(canonicalBytes(content));
}

/** The same of a content's canonical JSON. */
export function hashOfContent(canonical: Uint8Array): string {
  return createHash('sha256').update(canonical).digest('hex');
}

/** What a sealed section authenticates beside its content. */
export function sectionAad(header: SectionHeader): Buffer {
  return canonicalBytes({
    site: header.site,
    patientRef: header.patientRef,
    sectionId: header.sectionId,
    version: header.version,
    epoch: header.epoch,
  });
}

/** AES-256-GCM(pad(brotli(canonical JSON))) under the class key. @throws RangeError above `LIMITS.sectionBytes` */
export function sealSection(classKey: Uint8Array, header: SectionHeader, content: unknown): Buffer {
  return sealContent(classKey, header, canonicalBytes(content));
}

/** The same of a content's canonical JSON. @throws RangeError above `LIMITS.sectionBytes` */
export function sealContent(classKey: Uint8Array, header: SectionHeader, canonical: Uint8Array): Buffer {
  const sealed = sealAead(classKey, pad(compress(canonical)), sectionAad(header));
  if (sealed.length > LIMITS.sectionBytes) {
    throw new RangeError('section is larger than the limit of a sealed section');
  }
  return sealed;
}

function compress(canonical: Uint8Array): Buffer {
  return brotliCompressSync(canonical, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
}

/** More than brotli, padding and seal can add to content of the limit's size, bytes. */
const ADDED = 4 * LIMITS.paddingStep;

/** Whether `sealContent` takes a content's canonical JSON, and whoever opens it gets all of it. */
export function fitsSection(canonical: Uint8Array): boolean {
  return (
    canonical.length <= LIMITS.sectionBytes - ADDED ||
    (canonical.length <= LARGEST_CONTENT && pad(compress(canonical)).length + SEAL_BYTES <= LIMITS.sectionBytes)
  );
}

/**
 * The section's JSON, still brotli-compressed: portal-api hands it on with `Content-Encoding: br`.
 * @throws SealBroken
 */
export function openSection(classKey: Uint8Array, header: SectionHeader, sealed: Uint8Array): Buffer {
  return unpad(openAead(classKey, sealed, sectionAad(header)));
}

/** Opened, decompressed and parsed; the caller validates with the section's schema. @throws SealBroken */
export function readSection(classKey: Uint8Array, header: SectionHeader, sealed: Uint8Array): unknown {
  return JSON.parse(decompress(openSection(classKey, header, sealed)).toString('utf8'));
}

/** Content of a section, bytes. */
const LARGEST_CONTENT = 32 * LIMITS.sectionBytes;

/** Brotli with a bound on the result, against decompression bombs. */
export function decompress(compressed: Uint8Array): Buffer {
  return brotliDecompressSync(compressed, { maxOutputLength: LARGEST_CONTENT });
}
