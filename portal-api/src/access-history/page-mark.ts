import { SealBroken, openAead, sealAead } from 'sync-contract/aead';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { Base64Url } from 'sync-contract/identifiers';
import type { Session } from '../sessions/session.js';

const BYTES = 8;
const AAD = canonicalBytes({ use: 'access-history-page' });

/** Where a page ended, for its account alone: an entry's number would tell how much everybody else does. */
export function sealMark(session: Session, n: number): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeBigUInt64BE(BigInt(n));
  return sealAead(session.settingsKey, bytes, AAD).toString('base64url');
}

/** Null for what this account was not given. */
export function openMark(session: Session, mark: unknown): number | null {
  const text = Base64Url.safeParse(mark);
  if (!text.success) {
    return null;
  }
  try {
    return Number(openAead(session.settingsKey, Buffer.from(text.data, 'base64url'), AAD).readBigUInt64BE());
  } catch (error: unknown) {
    if (error instanceof SealBroken) {
      return null;
    }
    throw error;
  }
}
