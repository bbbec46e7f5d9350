import { failureCode } from './failure-code.js';

/** Codes with which OpenSSL and Node refuse the other side's certificate. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_REJECTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

export type ConnectTrouble = 'untrusted' | 'over' | 'other-name' | 'tls' | 'unreachable';

/** Why a TLS connection did not come about, decided by the code alone. */
export function connectTrouble(failure: unknown): ConnectTrouble {
  const code = failureCode(failure);
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return 'over';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return 'other-name';
  }
  if (UNTRUSTED.has(code)) {
    return 'untrusted';
  }
  return /^(ERR_SSL_|ERR_TLS_|EPROTO$|HANDSHAKE_)/.test(code) ? 'tls' : 'unreachable';
}
