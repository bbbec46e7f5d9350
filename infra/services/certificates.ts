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
import { basename, join } from 'node:path';
import type { Zone } from '../zones/zones.js';
import { bareEnvironment, run, type ServerUser } from './child-process.js';

const DAY = 24 * 60 * 60 * 1000;
const CA_DAYS = 3650;
const LEAF_DAYS = 90;
/** A certificate with less than this left is made anew at the next start. */
const CA_RENEWAL = 365 * DAY;
const LEAF_RENEWAL = 30 * DAY;
/** Where nothing starts again by itself to look at a certificate's age: renewed by a person, a quarter ahead at most. */
const OWN_LINK_DAYS = 398;
const OWN_LINK_RENEWAL = 90 * DAY;
const CA_EXTENSIONS = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign,cRLSign'];

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
    await issue(ca, ['-days', String(CA_DAYS), '-subj', `/CN=OpenEMR DMZ Portal ${name}`], CA_EXTENSIONS);
  }
  return ca;
}

/**
 * For a host of its own: the certificates of the named servers of a zone (`mariadb`, `redis`) from a CA that exists only
 * while this runs, so that no key that could sign another one lies anywhere. All are made anew together, and only when one is missing or near its end.
 * @returns whether they were made
 */
export async function issueOwnLink(zone: Zone, folder: string, servers: readonly string[]): Promise<boolean> {
  const name = `${zone}-ca`;
  const leaves = (LINKS.find((link) => link.ca === name)?.leaves ?? []).filter(({ path }) =>
    servers.includes(basename(path)),
  );
  const ca = join(folder, name);
  const inFolder = (leaf: Leaf): string => join(folder, basename(leaf.path));
  if (existsSync(`${ca}.crt`) && leaves.every((leaf) => isGood(inFolder(leaf), OWN_LINK_RENEWAL, ca))) {
    return false;
  }
  await issue(ca, ['-days', String(OWN_LINK_DAYS), '-subj', `/CN=OpenEMR DMZ Portal ${name}`], CA_EXTENSIONS);
  try {
    for (const leaf of leaves) {
      rmSync(`${inFolder(leaf)}.crt`, { force: true });
      await ensureLeaf(inFolder(leaf), leaf, ca, null, OWN_LINK_DAYS);
    }
  } finally {
    rmSync(`${ca}.key`);
  }
  return true;
}

async function ensureLeaf(
  path: string,
  leaf: Leaf,
  ca: string,
  user: ServerUser | null,
  days = LEAF_DAYS,
): Promise<void> {
  if (!isGood(path, LEAF_RENEWAL, ca)) {
    const names =
      leaf.usage === 'serverAuth' ? `DNS:${leaf.commonName},DNS:localhost,IP:127.0.0.1` : `DNS:${leaf.commonName}`;
    await issue(
      path,
      ['-days', String(days), '-subj', `/CN=${leaf.commonName}`, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`],
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
