import { NobleCryptoPlugin, ScureBase32Plugin, generateSecret, generateURI, verifySync } from 'otplib';
import { toString as qrCode } from 'qrcode';
import { z } from 'zod';

/** RFC 6238 with SHA-1, 30 s, six digits: what every authenticator app can do. */
const PERIOD_S = 30;
const SECRET_BYTES = 20;

export const TotpCode = z.string().regex(/^\d{6}$/, 'must be six digits');

/** New secret, 160 bits of the system's generator, base32. */
export function newTotpSecret(): string {
  return generateSecret({ length: SECRET_BYTES, crypto: new NobleCryptoPlugin(), base32: new ScureBase32Plugin() });
}

export function totpUri(secret: string, practice: string, name: string): string {
  return generateURI({ issuer: practice, label: name, secret, period: PERIOD_S, digits: 6, algorithm: 'sha1' });
}

/** QR code of the URI as an SVG data URI, for an `img` element. */
export async function totpQrCode(uri: string): Promise<string> {
  const svg = await qrCode(uri, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 });
  return `data:image/svg+xml;base64,${Buffer.from(svg, 'utf8').toString('base64')}`;
}

/**
 * The time step a code belongs to, or null when it belongs to none that counts now: the present step, or the one before
 * (RFC 6238 section 5.2 allows one step for the way from the app to here). Steps up to `lastStep` were used.
 */
export function totpStep(secret: string, code: string, lastStep: number | null): number | null {
  const result = verifySync({
    secret,
    token: code,
    period: PERIOD_S,
    digits: 6,
    algorithm: 'sha1',
    epochTolerance: [PERIOD_S, 0],
    ...(lastStep === null ? {} : { afterTimeStep: lastStep }),
  });
  return result.valid && 'timeStep' in result ? result.timeStep : null;
}
