import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { openAead, sealAead } from 'sync-contract/aead';
import { canonicalBytes } from 'sync-contract/canonical-json';
import type { PasswordHasher } from './password-hasher.js';

/** Keys that exist only while the password does: all derived from P, none stored. */
export interface PasswordKeys {
  /** compared with the stored one; tells nothing about the others */
  verifier: Buffer;
  /** opens the account's private key */
  wrapKey: Buffer;
  /** opens the TOTP secret */
  totpKey: Buffer;
}

const SALT_BYTES = 16;

export function newSalt(): Buffer {
  return randomBytes(SALT_BYTES);
}

/**
 * A = argon2id(password, salt), run once; P = HKDF-SHA-256(A ‖ HMAC-SHA-256(pepper, A)); every key is an HKDF of P with
 * its own info string. Without the pepper file no stored value tells a right guess from a wrong one.
 * @throws Busy
 */
export async function derivePasswordKeys(
  hasher: PasswordHasher,
  password: string,
  salt: Uint8Array,
  pepper: Uint8Array,
): Promise<PasswordKeys> {
  const a = await hasher.hash(password, salt);
  const peppered = createHmac('sha256', pepper).update(a).digest();
  const p = hkdf(Buffer.concat([a, peppered]), 'password');
  return { verifier: hkdf(p, 'verifier'), wrapKey: hkdf(p, 'wrap'), totpKey: hkdf(p, 'totp') };
}

function hkdf(secret: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `oe-portal|account|${use}`, 32));
}

/** Constant-time. */
export function verifierMatches(keys: PasswordKeys, stored: Uint8Array): boolean {
  return keys.verifier.length === stored.length && timingSafeEqual(keys.verifier, stored);
}

type WrappedThing = 'private-key' | 'totp-secret' | 'enrolment-proof';

/** Wrapped things are bound to their account and to what they are, so that rows cannot be swapped. */
function wrapAad(accountRef: string, thing: WrappedThing): Buffer {
  return canonicalBytes({ use: 'account', accountRef, thing });
}

export function wrap(key: Uint8Array, accountRef: string, thing: WrappedThing, plain: Uint8Array): Buffer {
  return sealAead(key, plain, wrapAad(accountRef, thing));
}

/** @throws SealBroken */
export function unwrap(key: Uint8Array, accountRef: string, thing: WrappedThing, wrapped: Uint8Array): Buffer {
  return openAead(key, wrapped, wrapAad(accountRef, thing));
}
