import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { SealBroken } from './aead.js';
import { PROTOCOL_VERSION } from './protocol.js';

/** HPKE (RFC 9180) DHKEM(X25519, HKDF-SHA256) / HKDF-SHA256 / AES-256-GCM, base mode. */
const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

export interface HpkeSealed {
  /** encapsulated key, 32 bytes */
  enc: Buffer;
  /** ciphertext with tag */
  ct: Buffer;
}

/** Raw X25519 halves, 32 bytes each. */
export interface HpkeKeyPair {
  publicKey: Buffer;
  privateKey: Buffer;
}

/** What a sealed thing is for: bound into HPKE `info` together with protocol version and site. */
export type HpkePurpose = 'envelope' | 'grant';

function info(purpose: HpkePurpose, site: string, version: number): ArrayBuffer {
  return bytes(Buffer.from(`oe-portal/v${String(version)}|site=${site}|${purpose}`, 'utf8'));
}

function bytes(view: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(view.byteLength);
  new Uint8Array(copy).set(view);
  return copy;
}

export async function newHpkeKeyPair(): Promise<HpkeKeyPair> {
  const pair = await suite.kem.generateKeyPair();
  return {
    publicKey: Buffer.from(await suite.kem.serializePublicKey(pair.publicKey)),
    privateKey: Buffer.from(await suite.kem.serializePrivateKey(pair.privateKey)),
  };
}

export async function hpkeSeal(
  recipient: Uint8Array,
  purpose: HpkePurpose,
  site: string,
  plaintext: Uint8Array,
  aad: Uint8Array,
  version: number = PROTOCOL_VERSION,
): Promise<HpkeSealed> {
  const sealed = await suite.seal(
    { recipientPublicKey: await suite.kem.deserializePublicKey(bytes(recipient)), info: info(purpose, site, version) },
    bytes(plaintext),
    bytes(aad),
  );
  return { enc: Buffer.from(sealed.enc), ct: Buffer.from(sealed.ct) };
}

/** @throws SealBroken for a wrong key, site, purpose, version, altered bytes or altered clear fields */
export async function hpkeOpen(
  privateKey: Uint8Array,
  purpose: HpkePurpose,
  site: string,
  sealed: HpkeSealed,
  aad: Uint8Array,
  version: number,
): Promise<Buffer> {
  try {
    const plaintext = await suite.open(
      {
        recipientKey: await suite.kem.deserializePrivateKey(bytes(privateKey)),
        enc: bytes(sealed.enc),
        info: info(purpose, site, version),
      },
      bytes(sealed.ct),
      bytes(aad),
    );
    return Buffer.from(plaintext);
  } catch {
    throw new SealBroken();
  }
}
