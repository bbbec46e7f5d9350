import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What a seal adds to its plaintext. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;

/** Sealed bytes that do not open under this key and these clear fields. Never says which of the two is wrong. */
export class SealBroken extends Error {
  readonly code = 'seal-broken';
  constructor() {
    super('the seal does not open');
  }
}

/**
 * AES-256-GCM with a random 96-bit nonce. Node 24 takes several times as long with a key in bytes as with a key object.
 * @param key 32 bytes
 * @returns nonce (12) ‖ ciphertext ‖ tag (16)
 */
export function sealAead(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce);
  cipher.setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Reverse of `sealAead`.
 * @param key 32 bytes, or the key object of them, which who opens much under one key makes once
 * @throws SealBroken
 */
export function openAead(key: Uint8Array | KeyObject, sealed: Uint8Array, aad: Uint8Array): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) {
    throw new SealBroken();
  }
  try {
    const secret = key instanceof Uint8Array ? createSecretKey(key) : key;
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, NONCE_BYTES));
    decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const head = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
    return Buffer.concat([head, decipher.final()]);
  } catch {
    throw new SealBroken();
  }
}
