import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.js';
import { Base64Url, Kid } from './identifiers.js';
import { assertProtocolVersion } from './protocol.js';

/** What a signature is about; part of the signed bytes, so that a manifest can never pass for a grant. */
export const SIGNED_PURPOSES = [
  'key-statement',
  'era',
  'manifest',
  'heartbeat',
  'grant',
  'checkpoint',
  'cut',
  'reconciliation',
] as const;
export type SignedPurpose = (typeof SIGNED_PURPOSES)[number];

/** A signed statement: the canonical JSON itself travels, so that a reader verifies bytes and parses afterwards. */
export const Signed = z.strictObject({ kid: Kid, body: z.string(), signature: Base64Url.length(86) });
export type Signed = z.infer<typeof Signed>;

/** Statement whose signature, signer or shape is not what it has to be. */
export class StatementRefused extends Error {
  readonly code = 'statement-refused';
  constructor(reason: string) {
    super(`signed statement refused: ${reason}`);
  }
}

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
}

export interface VerifyingKey {
  kid: string;
  publicKey: KeyObject;
}

/** First 16 hex digits of SHA-256 over the raw public key. */
export function kidOf(rawPublicKey: Uint8Array): string {
  return createHash('sha256').update(rawPublicKey).digest('hex').slice(0, 16);
}

const ED25519_PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** New Ed25519 pair as raw 32-byte halves. */
export function newSigningPair(): { publicKey: Buffer; privateKey: Buffer } {
  const pair = generateKeyPairSync('ed25519');
  return {
    publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(ED25519_SPKI_PREFIX.length),
    privateKey: pair.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(ED25519_PKCS8_PREFIX.length),
  };
}

/** @param raw 32-byte Ed25519 seed; the public half names the key. */
export function signingKey(raw: Uint8Array): SigningKey {
  const privateKey = createPrivateKey({
    key: Buffer.concat([ED25519_PKCS8_PREFIX, raw]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { kid: kidOf(publicKey.subarray(ED25519_SPKI_PREFIX.length)), privateKey };
}

/** @param raw 32-byte Ed25519 public key */
export function verifyingKey(raw: Uint8Array): VerifyingKey {
  return {
    kid: kidOf(raw),
    publicKey: createPublicKey({ key: Buffer.concat([ED25519_SPKI_PREFIX, raw]), format: 'der', type: 'spki' }),
  };
}

function signedBytes(purpose: SignedPurpose, body: string): Buffer {
  return Buffer.from(`oe-portal|${purpose}\n${body}`, 'utf8');
}

export function signStatement(purpose: SignedPurpose, body: unknown, key: SigningKey): Signed {
  const text = canonicalJson(body);
  return {
    kid: key.kid,
    body: text,
    signature: sign(null, signedBytes(purpose, text), key.privateKey).toString('base64url'),
  };
}

/**
 * Verifies, then parses. Which keys are acceptable, and when, is the caller's business (`keyFor`).
 * @throws StatementRefused, and ProtocolVersionRefused for a version this side does not speak
 */
export function verifyStatement<T>(
  purpose: SignedPurpose,
  signed: Signed,
  schema: z.ZodType<T>,
  keyFor: (kid: string) => VerifyingKey | undefined,
): T {
  const key = keyFor(signed.kid);
  if (key === undefined) {
    throw new StatementRefused('its key is not known');
  }
  if (!verify(null, signedBytes(purpose, signed.body), key.publicKey, Buffer.from(signed.signature, 'base64url'))) {
    throw new StatementRefused('its signature is wrong');
  }
  const body: unknown = JSON.parse(signed.body);
  assertProtocolVersion(versionOf(body));
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    throw new StatementRefused('its content has another shape');
  }
  return parsed.data;
}

/** A statement carries its version at the top, a grant inside its terms. */
function versionOf(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) {
    return undefined;
  }
  return 'terms' in body ? versionOf(body.terms) : 'v' in body ? body.v : undefined;
}

/** SHA-256 over the signed text, hex: how a manifest is named in a heartbeat. */
export function statementHash(signed: Signed): string {
  return createHash('sha256').update(signed.body, 'utf8').digest('hex');
}
