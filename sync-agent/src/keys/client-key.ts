import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import { KEY_FILES, KeysIncomplete, writeFile } from './key-files.js';

/** The key with which the agent proves to OpenEMR who it is. Its private half never leaves the key folder. */
export interface ClientKey {
  privateKey: KeyObject;
  kid: string;
  /** for the registration: public members only */
  jwk: JWK;
}

const MODULUS_BITS = 3072;

/** Makes the key when there is none; an existing one stays, because OpenEMR knows its public half. */
export function ensureClientKey(dir: string): void {
  const file = join(dir, KEY_FILES.openemrClient);
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: MODULUS_BITS });
    writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o400);
  }
}

/** @throws KeysIncomplete */
export async function readClientKey(dir: string): Promise<ClientKey> {
  const file = join(dir, KEY_FILES.openemrClient);
  const privateKey = privateKeyIn(file);
  if (privateKey.asymmetricKeyType !== 'rsa' || (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
    throw new KeysIncomplete(file, 'does not hold an RSA key of at least 2048 bits');
  }
  const { kty, n, e } = await exportJWK(createPublicKey(privateKey));
  const kid = await calculateJwkThumbprint({ kty, n, e });
  return { privateKey, kid, jwk: { kty, n, e, kid, use: 'sig', alg: 'RS384', key_ops: ['verify'] } };
}

function privateKeyIn(file: string): KeyObject {
  try {
    return createPrivateKey(readFileSync(file));
  } catch {
    throw new KeysIncomplete(file, 'is missing or damaged');
  }
}
