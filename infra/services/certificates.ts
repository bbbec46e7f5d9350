import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bareEnvironment, run, type ServerUser } from './child-process.js';

const DAY = 24 * 60 * 60 * 1000;
const CA_DAYS = 3650;
const LEAF_DAYS = 90;
/** A certificate with less than this left is made anew at the next start. */
const CA_RENEWAL = 365 * DAY;
const LEAF_RENEWAL = 30 * DAY;

interface Leaf {
  /** Path below the data folder, without `.crt` and `.key`. */
  path: string;
  commonName: string;
  usage: 'serverAuth' | 'clientAuth';
  /** The key's reader: the servers' user, or the user who runs our own programs. */
  owner: 'server' | 'program';
}

/** Every link has its own CA, so that a key of one link is worth nothing on another. */
const LINKS: { ca: string; trustedIn: string[]; leaves: Leaf[] }[] = [
  {
    ca: 'dmz-ca',
    trustedIn: ['dmz/tls'],
    leaves: [
      { path: 'dmz/tls/mariadb', commonName: 'mariadb.dmz', usage: 'serverAuth', owner: 'server' },
      { path: 'dmz/tls/redis', commonName: 'redis.dmz', usage: 'serverAuth', owner: 'server' },
    ],
  },
  {
    ca: 'inside-ca',
    trustedIn: ['inside/tls'],
    leaves: [
      { path: 'inside/tls/mariadb', commonName: 'mariadb.inside', usage: 'serverAuth', owner: 'server' },
      { path: 'inside/tls/redis', commonName: 'redis.inside', usage: 'serverAuth', owner: 'server' },
      { path: 'inside/tls/openemr', commonName: 'openemr.inside', usage: 'serverAuth', owner: 'program' },
    ],
  },
  {
    ca: 'crossing-ca',
    trustedIn: ['dmz/tls', 'inside/tls'],
    leaves: [
      { path: 'dmz/tls/gateway', commonName: 'sync-gateway.dmz', usage: 'serverAuth', owner: 'program' },
      { path: 'inside/tls/agent', commonName: 'sync-agent', usage: 'clientAuth', owner: 'program' },
    ],
  },
];

/**
 * Makes the private CAs (their keys lie inside only) and the leaves that are missing, near their end, or not signed by
 * the present CA. Each key and certificate appears under its name whole or not at all.
 */
export async function ensureCertificates(dataDir: string, user: ServerUser | null): Promise<void> {
  await Promise.all(
    LINKS.map(async (link) => {
      const ca = await ensureAuthority(dataDir, link.ca);
      for (const folder of link.trustedIn) {
        const copy = join(dataDir, folder, `${link.ca}.crt`);
        rmSync(copy, { force: true });
        copyFileSync(`${ca}.crt`, copy);
        chmodSync(copy, 0o444);
      }
      for (const leaf of link.leaves) {
        await ensureLeaf(join(dataDir, leaf.path), leaf, ca, user);
      }
    }),
  );
}

/**
 * The certificate that browsers see, where no public authority signs one: by a private authority whose certificate
 * this gives the path of.
 */
export async function ensurePublicCertificate(
  dataDir: string,
  path: string,
  name: string,
  user: ServerUser | null,
): Promise<string> {
  const ca = await ensureAuthority(dataDir, 'public-ca');
  await ensureLeaf(join(dataDir, path), { path, commonName: name, usage: 'serverAuth', owner: 'server' }, ca, user);
  return `${ca}.crt`;
}

async function ensureAuthority(dataDir: string, name: string): Promise<string> {
  const ca = join(dataDir, 'inside/ca', name);
  if (!isGood(ca, CA_RENEWAL)) {
    await issue(
      ca,
      ['-days', String(CA_DAYS), '-subj', `/CN=OpenEMR DMZ Portal ${name}`],
      ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign,cRLSign'],
    );
  }
  return ca;
}

async function ensureLeaf(path: string, leaf: Leaf, ca: string, user: ServerUser | null): Promise<void> {
  if (!isGood(path, LEAF_RENEWAL, ca)) {
    const names =
      leaf.usage === 'serverAuth' ? `DNS:${leaf.commonName},DNS:localhost,IP:127.0.0.1` : `DNS:${leaf.commonName}`;
    await issue(
      path,
      ['-days', String(LEAF_DAYS), '-subj', `/CN=${leaf.commonName}`, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`],
      [
        'basicConstraints=critical,CA:FALSE',
        'keyUsage=critical,digitalSignature',
        `extendedKeyUsage=${leaf.usage}`,
        `subjectAltName=${names}`,
      ],
    );
  }
  chmodSync(`${path}.crt`, 0o444);
  if (leaf.owner === 'server' && user) {
    chownSync(`${path}.key`, user.uid, user.gid);
  }
  chmodSync(`${path}.key`, 0o400);
}

function isGood(path: string, renewal: number, ca?: string): boolean {
  if (!existsSync(`${path}.crt`) || !existsSync(`${path}.key`)) {
    return false;
  }
  const certificate = new X509Certificate(readFileSync(`${path}.crt`));
  const signer = new X509Certificate(readFileSync(`${ca ?? path}.crt`));
  return certificate.validToDate.getTime() - Date.now() > renewal && certificate.verify(signer.publicKey);
}

async function issue(path: string, args: string[], extensions: string[]): Promise<void> {
  const [key, certificate] = [`${path}.key.new`, `${path}.crt.new`];
  const configuration = `${path}.cnf.new`;
  rmSync(key, { force: true });
  // The system's openssl.cnf would add extensions of its own.
  writeFileSync(configuration, '[req]\ndistinguished_name = none\n[none]\n');
  await run(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
      ...['-config', configuration, '-keyout', key, '-out', certificate, ...args],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    ],
    { env: bareEnvironment('/') },
  );
  rmSync(configuration);
  chmodSync(key, 0o400);
  // The certificate last: without it the pair counts as missing and is made anew.
  rmSync(`${path}.crt`, { force: true });
  renameSync(key, `${path}.key`);
  renameSync(certificate, `${path}.crt`);
}
