import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { canonicalBytes } from './canonical-json.js';

/** Crockford's base 32: no I, L, O, U, so that a printed code can be typed. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ID_BYTES = 5;
const SECRET_BYTES = 16;
const SYMBOLS = 34;

export interface InviteCode {
  /** 5 bytes, hex; names the invite, is no secret */
  inviteId: string;
  /** 16 bytes; never stored in the DMZ */
  secret: Buffer;
}

/** A code that is mistyped: wrong length, symbol or check symbol. Costs no try. */
export class InviteCodeMistyped extends Error {
  readonly code = 'invite-code-mistyped';
  constructor() {
    super('this is not a complete invite code');
  }
}

export function newInviteCode(): InviteCode {
  return { inviteId: randomBytes(ID_BYTES).toString('hex'), secret: randomBytes(SECRET_BYTES) };
}

/** Seven groups of five symbols; the last symbol checks the others. */
export function formatInviteCode(code: InviteCode): string {
  const symbols = encode(Buffer.concat([Buffer.from(code.inviteId, 'hex'), code.secret]));
  return (symbols + checkSymbol(symbols)).replace(/(.{5})(?=.)/g, '$1-');
}

/** Accepts lower case, spaces, missing hyphens and the usual look-alikes. @throws InviteCodeMistyped */
export function parseInviteCode(typed: string): InviteCode {
  const symbols = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  const body = symbols.slice(0, SYMBOLS);
  if (symbols.length !== SYMBOLS + 1 || [...symbols].some((symbol) => !ALPHABET.includes(symbol))) {
    throw new InviteCodeMistyped();
  }
  if (checkSymbol(body) !== symbols.slice(SYMBOLS)) {
    throw new InviteCodeMistyped();
  }
  const bytes = decode(body);
  return { inviteId: bytes.subarray(0, ID_BYTES).toString('hex'), secret: bytes.subarray(ID_BYTES) };
}

/** What the DMZ keeps to recognise a code, hex. */
export function inviteLookup(secret: Uint8Array): string {
  return createHmac('sha256', secret).update('lookup').digest('hex');
}

export interface InviteProofTerms {
  site: string;
  inviteId: string;
  accountRef: string;
  /** raw X25519 public key, base64url */
  publicKey: string;
}

/** Proof, hex, that whoever made this account key held the code. */
export function inviteProof(secret: Uint8Array, terms: InviteProofTerms): string {
  const { site, inviteId, accountRef, publicKey } = terms;
  return createHmac('sha256', secret)
    .update(canonicalBytes({ use: 'invite-proof', site, inviteId, accountRef, publicKey }))
    .digest('hex');
}

/** Constant-time comparison of a proof with the one expected. */
export function inviteProofHolds(secret: Uint8Array, terms: InviteProofTerms, proof: string): boolean {
  const expected = Buffer.from(inviteProof(secret, terms), 'hex');
  const given = Buffer.from(proof, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function encode(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let symbols = '';
  for (let i = 0; i < SYMBOLS; i += 1) {
    symbols = (ALPHABET[Number(value % 32n)] ?? '') + symbols;
    value /= 32n;
  }
  return symbols;
}

function decode(symbols: string): Buffer {
  let value = 0n;
  for (const symbol of symbols) {
    value = value * 32n + BigInt(ALPHABET.indexOf(symbol));
  }
  const digits = value.toString(16).padStart((ID_BYTES + SECRET_BYTES) * 2, '0');
  if (digits.length > (ID_BYTES + SECRET_BYTES) * 2) {
    throw new InviteCodeMistyped();
  }
  return Buffer.from(digits, 'hex');
}

function checkSymbol(symbols: string): string {
  let sum = 0;
  [...symbols].forEach((symbol, place) => {
    sum = (sum + ALPHABET.indexOf(symbol) * (2 * place + 3)) % 32;
  });
  return ALPHABET[sum] ?? '';
}
