import { createHash, randomBytes } from 'node:crypto';
import type { CookieSerializeOptions } from '@fastify/cookie';

const ID_BYTES = 16;
const KEY_BYTES = 32;
const TEXT = /^[A-Za-z0-9_-]{64}$/;

/**
 * One half of a record: the cookie names it (id) and opens it (key), Redis keeps it sealed under SHA-256(id). Neither
 * half is worth anything without the other.
 */
export interface HalfKey {
  idHash: string;
  key: Buffer;
}

export const SESSION_COOKIE = '__Host-session';
export const PENDING_COOKIE = '__Host-pending';

/** `__Host-` asks for exactly this: secure, no domain, the whole site. */
export const COOKIE_OPTIONS: CookieSerializeOptions = { path: '/', secure: true, httpOnly: true, sameSite: 'strict' };

export function newHalfKey(): { cookie: string; half: HalfKey } {
  const bytes = randomBytes(ID_BYTES + KEY_BYTES);
  return { cookie: bytes.toString('base64url'), half: split(bytes) };
}

export function parseHalfKey(cookie: string | undefined): HalfKey | null {
  return cookie !== undefined && TEXT.test(cookie) ? split(Buffer.from(cookie, 'base64url')) : null;
}

function split(bytes: Buffer): HalfKey {
  return {
    idHash: createHash('sha256').update(bytes.subarray(0, ID_BYTES)).digest('hex'),
    key: Buffer.from(bytes.subarray(ID_BYTES)),
  };
}
