import 'reflect-metadata';
import { KeyObject, X509Certificate, createPrivateKey, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
} from '@peculiar/x509';
import { writeFile } from '../keys/key-files.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;
const CA_DAYS = 3650;
/** As long as browsers and clients accept; `setup --renew-certificates` makes the next. */
const LEAF_DAYS = 398;
const CLOCK_ALLOWANCE = 10 * 60_000;

export interface LeafRequest {
  commonName: string;
  usage: 'serverAuth' | 'clientAuth';
}

interface Issuer {
  name: string;
  key: Awaited<ReturnType<typeof crypto.subtle.importKey>>;
}

/** The authority of the crossing and nothing else: it signs the gateway's certificate and the agent's. @param path without ending */
export async function ensureAuthority(path: string, now: Date = new Date()): Promise<boolean> {
  if (existsSync(`${path}.crt`)) {
    return false;
  }
  await issue(path, 'OpenEMR DMZ Portal crossing-ca', CA_DAYS, now, undefined, [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]);
  return true;
}

/**
 * Makes a pair that is missing, or, when asked, a new one in place of the present; the key first, so that a pair
 * without certificate counts as missing.
 * @param path, authority without ending
 */
export async function ensureLeaf(
  path: string,
  { commonName, usage }: LeafRequest,
  authority: string,
  { renew, now = new Date() }: { renew: boolean; now?: Date },
): Promise<boolean> {
  if (existsSync(`${path}.crt`) && !renew) {
    return false;
  }
  await issue(path, commonName, LEAF_DAYS, now, await readIssuer(authority), [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]]),
    new SubjectAlternativeNameExtension([{ type: 'dns', value: commonName }]),
  ]);
  return true;
}

async function issue(
  path: string,
  commonName: string,
  days: number,
  now: Date,
  issuer: Issuer | undefined,
  extensions: Extension[],
): Promise<void> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const subject = `CN=${commonName}`;
  const certificate = await X509CertificateGenerator.create({
    // Positive, as RFC 5280 wants it.
    serialNumber: `00${randomBytes(16).toString('hex')}`,
    subject,
    issuer: issuer?.name ?? subject,
    notBefore: new Date(now.getTime() - CLOCK_ALLOWANCE),
    notAfter: new Date(now.getTime() + days * DAY),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: issuer?.key ?? keys.privateKey,
    extensions,
  });
  const pem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  writeFile(`${path}.key`, pem.toString(), 0o400);
  writeFile(`${path}.crt`, `${certificate.toString('pem')}\n`, 0o444);
}

async function readIssuer(path: string): Promise<Issuer> {
  const { subject } = new X509Certificate(readFileSync(`${path}.crt`));
  const der = createPrivateKey(readFileSync(`${path}.key`)).export({ type: 'pkcs8', format: 'der' });
  return { name: subject, key: await crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']) };
}
