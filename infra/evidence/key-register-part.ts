import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { KeyStatement } from 'sync-contract/key-statement';
import { Signed } from 'sync-contract/signed';
import { DEFAULT_DATABASES, type Services } from '../services/services.js';
import { table, type EvidencePart } from './evidence-part.js';

export interface KeyEntry {
  key: string;
  /** the process that uses it */
  owner: string;
  /** file below the data folder, or table and column */
  place: string;
  mode: string | null;
  created: string | null;
  /** when it is made anew, or why not */
  next: string;
  /** of the public half, where there is one */
  fingerprint: string | null;
  /** how many there are, where they are rows */
  count?: number;
}

const DAY = 86_400_000;
const SEALING_KEY_DAYS = 30;
const LEAF_RENEWAL_DAYS = 30;
const BY_HAND = 'by hand; no command yet';
const UNKNOWN = 'a file that the register does not know';

/** Private files of each zone: the name or its beginning, what it is, whose it is, when it is made anew. */
const PRIVATE_FILES: readonly { place: RegExp; key: string; owner: string; next: string }[] = [
  {
    place: /^inside\/keys\/root\.key$/,
    key: 'root, Ed25519, private half',
    owner: 'the administrator; offline in production',
    next: BY_HAND,
  },
  {
    place: /^inside\/keys\/wrap\.key$/,
    key: 'wrap key of chart keys and invites, AES-256',
    owner: 'sync-agent',
    next: BY_HAND,
  },
  {
    place: /^inside\/keys\/resource-id\.key$/,
    key: 'names of resources and threads, HMAC',
    owner: 'sync-agent',
    next: 'never: ids would change',
  },
  {
    place: /^inside\/keys\/openemr-client\.key$/,
    key: 'the agent as client of OpenEMR, RSA, private half',
    owner: 'sync-agent',
    next: 'by hand: a new key, then `register --again`',
  },
  {
    place: /^inside\/keys\/openemr-client\.id$/,
    key: 'name of the agent as client of OpenEMR, no secret',
    owner: 'sync-agent',
    next: 'with `register --again`',
  },
  {
    place: /^dmz\/secrets\/pepper\.key$/,
    key: 'pepper',
    owner: 'portal-api',
    next: 'never: every password would have to be set again',
  },
  {
    place: /^dmz\/secrets\/blind-index\.key$/,
    key: 'blind index of sign-in names, HMAC',
    owner: 'portal-api',
    next: 'never: every name would have to be typed again',
  },
  {
    place: /^(dmz|inside)\/secrets\/.+\.password$/,
    key: 'password of a database or Redis account',
    owner: 'the process of that name',
    next: 'by hand: remove the file, `prepare`, restart; at OpenEMR’s server the administrator sets it',
  },
];

/** Names of certificate files that are not the name of the process. */
const TLS_OWNERS: Readonly<Record<string, string>> = {
  'inside/tls/agent.key': 'sync-agent',
  'inside/tls/mariadb.key': 'openemr-mariadb',
  'inside/tls/redis.key': 'inside-redis',
  'dmz/tls/gateway.key': 'sync-gateway',
  'dmz/tls/mariadb.key': 'dmz-mariadb',
  'dmz/tls/redis.key': 'dmz-redis',
};

/** Every key there is, where it lies and who may read its file; of private halves nothing but that. */
export async function keyRegisterPart(services: Services): Promise<EvidencePart> {
  const entries = [
    ...statementKeys(services.dataDir),
    ...privateFiles(services.dataDir),
    ...certificates(services.dataDir),
    ...(await keysInTables(services)),
  ];
  const open = entries.filter(({ mode }) => mode !== null && !/^0?[4-7]00$/.test(mode));
  const unknown = entries.filter(({ key }) => key === UNKNOWN);
  const holds = open.length === 0 && unknown.length === 0;
  const places = (found: readonly KeyEntry[]): string => found.map(({ place }) => place).join(', ') || 'none';
  return {
    name: '04-key-register',
    title: 'Key register',
    finding: holds
      ? `${String(entries.length)} entries, no file beside them; every file with a private half is readable by its owner only.`
      : `files with a private half that others may read: ${places(open)}; files that the register does not know: ${places(unknown)}.`,
    holds,
    command: 'npm run evidence -- --without-drills',
    text: table(
      ['key', 'used by', 'place', 'mode', 'made', 'age in days', 'next', 'number', 'public fingerprint'],
      entries.map((each) => [
        each.key,
        each.owner,
        each.place,
        each.mode,
        each.created,
        ageInDays(each.created),
        each.next,
        each.count,
        each.fingerprint,
      ]),
    ),
    data: entries,
  };
}

function ageInDays(created: string | null): string | null {
  return created === null ? null : Math.max(0, (Date.now() - Date.parse(created)) / DAY).toFixed(1);
}

const modeOf = (file: string): string => (statSync(file).mode & 0o777).toString(8).padStart(4, '0');
const madeOf = (file: string): string => statSync(file).mtime.toISOString();

/** The agent's own keys, by what the root says about them. */
function statementKeys(dataDir: string): KeyEntry[] {
  const folder = join(dataDir, 'inside/keys');
  const signed = z.array(Signed).parse(JSON.parse(readFileSync(join(folder, 'statements.json'), 'utf8')));
  const root = readFileSync(join(folder, 'root.pub'), 'utf8').trim();
  return [
    {
      key: 'root, Ed25519, public half',
      owner: 'portal-api and sync-gateway pin it',
      place: 'inside/keys/root.pub, dmz/secrets/root.pub',
      mode: null,
      created: madeOf(join(folder, 'root.pub')),
      next: BY_HAND,
      fingerprint: fingerprintOf(Buffer.from(root, 'base64url')),
    },
    ...signed.map(({ body }): KeyEntry => {
      const { kid, use, publicKey, notBefore, notAfter } = KeyStatement.parse(JSON.parse(body));
      const name = use === 'sign' ? 'agent-sign.key' : `agent-seal-${kid}.key`;
      const file = join(folder, name);
      return {
        key: use === 'sign' ? 'agent signing, Ed25519' : 'agent sealing, X25519',
        owner: 'sync-agent',
        place: `inside/keys/${name}`,
        mode: existsSync(file) ? modeOf(file) : null,
        // A statement begins a little before the key is made.
        created: existsSync(file) ? madeOf(file) : notBefore,
        next: use === 'sign' ? notAfter : new Date(Date.parse(notBefore) + SEALING_KEY_DAYS * DAY).toISOString(),
        fingerprint: fingerprintOf(Buffer.from(publicKey, 'base64url')),
      };
    }),
  ];
}

function privateFiles(dataDir: string): KeyEntry[] {
  return ['inside/keys', 'inside/secrets', 'dmz/secrets'].flatMap((folder) =>
    readdirSync(join(dataDir, folder))
      .sort()
      .flatMap((name) => {
        const place = `${folder}/${name}`;
        const known = PRIVATE_FILES.find((each) => each.place.test(place));
        // Public halves and the agent's own keys stand above; what nobody knows stands here, by its name.
        if (known === undefined && /(\.pub|statements\.json|agent-(sign|seal-.+)\.key)$/.test(name)) {
          return [];
        }
        const file = join(dataDir, place);
        return [
          {
            key: known?.key ?? UNKNOWN,
            owner: known?.owner ?? 'unknown',
            place,
            mode: modeOf(file),
            created: madeOf(file),
            next: known?.next ?? 'unknown',
            fingerprint: null,
          },
        ];
      }),
  );
}

function certificates(dataDir: string): KeyEntry[] {
  return ['inside/ca', 'inside/tls', 'dmz/tls'].flatMap((folder) =>
    readdirSync(join(dataDir, folder))
      .filter((name) => name.endsWith('.key'))
      .sort()
      .map((name): KeyEntry => {
        const key = join(dataDir, folder, name);
        const certificate = new X509Certificate(readFileSync(key.replace(/\.key$/, '.crt')));
        const renewal = new Date(certificate.validToDate.getTime() - LEAF_RENEWAL_DAYS * DAY).toISOString();
        return {
          key: `TLS, ${certificate.subject.replace('\n', ', ')}`,
          owner: folder.endsWith('ca')
            ? 'the administrator'
            : (TLS_OWNERS[`${folder}/${name}`] ?? name.replace('.key', '')),
          place: `${folder}/${name}`,
          mode: modeOf(key),
          created: certificate.validFromDate.toISOString(),
          next: folder.endsWith('ca') ? certificate.validToDate.toISOString() : renewal,
          fingerprint: fingerprintOf(
            createPublicKey(certificate.publicKey.export({ format: 'pem', type: 'spki' })).export({
              format: 'der',
              type: 'spki',
            }),
          ),
        };
      }),
  );
}

const fingerprintOf = (publicHalf: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(publicHalf).digest('base64url')}`;

async function keysInTables({ dmz, inside }: Services): Promise<KeyEntry[]> {
  const [charts] = await inside.adminSql('SELECT COUNT(*) AS held FROM ??.chart', [DEFAULT_DATABASES.ledger]);
  const [accounts] = await dmz.adminSql(
    "SELECT COUNT(*) AS held, CONCAT(REPLACE(MIN(created_at), ' ', 'T'), 'Z') AS oldest FROM ??.account",
    [DEFAULT_DATABASES.portal],
  );
  const [documents] = await inside.adminSql('SELECT COUNT(*) AS held FROM ??.document_blob', [
    DEFAULT_DATABASES.ledger,
  ]);
  const row = { mode: null, fingerprint: null };
  return [
    {
      ...row,
      key: 'chart keys, AES-256, one per chart and epoch',
      owner: 'sync-agent',
      place: 'ledger chart.chart_key_wrapped (under the wrap key)',
      created: null,
      next: 'with a new epoch of the chart; no command yet',
      count: Number(charts?.['held']),
    },
    {
      ...row,
      key: 'content keys of documents, AES-256, one per document',
      owner: 'sync-agent; portal-api, for a document that is being opened',
      place: 'ledger document_blob.key_wrapped (under the wrap key); sealed section `documents`',
      created: null,
      next: 'with other bytes of the document',
      count: Number(documents?.['held']),
    },
    {
      ...row,
      key: 'account keys, X25519, private halves',
      owner: 'portal-api, while the person is signed in',
      place: 'DMZ account.private_key_wrapped (under password and pepper)',
      created: typeof accounts?.['oldest'] === 'string' ? accounts['oldest'] : null,
      next: 'with a new enrolment',
      count: Number(accounts?.['held']),
    },
  ];
}
