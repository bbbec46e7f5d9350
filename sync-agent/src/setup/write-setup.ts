import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureClientKey, readClientKey } from '../keys/client-key.js';
import { initKeys, writeFile } from '../keys/key-files.js';
import { knownVersion } from '../openemr/known-versions.js';
import { OPENEMR_SCOPES } from '../openemr/openemr-api.js';
import { registrationDocument } from '../openemr/register-client.js';
import { accountSql, accountsFor } from './account-sql.js';
import { ensureAuthority, ensureLeaf } from './crossing-certificates.js';
import { AGENT_NAME, GATEWAY_NAME, agentEnvironmentExample, dmzEnvironmentExample } from './environment-examples.js';
import { AnswersRefused, type SetupAnswers } from './setup-answers.js';

export interface SetupOptions {
  folder: string;
  /** new certificates of gateway and agent, by the same authority */
  renewCertificates: boolean;
  /** SQL, example environments and the client document as the present answers make them */
  renewFiles: boolean;
}

export interface SetupReport {
  folder: string;
  siteId: string;
  made: string[];
  kept: string[];
  /** kept, although the present answers would make another */
  different: string[];
}

const CONTACT = 'sync-agent@localhost.invalid';

/**
 * Writes everything that connects a clinic's OpenEMR into one folder: `inside/` for the agent's host, `dmz/` to be
 * carried to the DMZ host, `private/` with the key of the crossing's authority, which belongs on neither. May be
 * repeated: what is there stays, keys and passwords in any case, the rest unless it is to be renewed. A run that died is
 * completed by the next.
 * @throws AnswersRefused, VersionUnknown before anything is written
 */
export async function writeSetup(answers: SetupAnswers, options: SetupOptions): Promise<SetupReport> {
  const version = knownVersion(answers.openemrVersion);
  const authorities = [answers.databaseCa, answers.openemrCa].map(readCertificate);
  const root = resolve(options.folder);
  const folder = new SetupFolder(root, options.renewFiles);
  const siteId = folder.secret('site-id', () => randomUUID(), 0o444);
  for (const account of accountsFor(answers.feed)) {
    folder.secret(`inside/${account}.password`, () => randomBytes(32).toString('base64url'), 0o600);
  }
  await writeKeys(folder, siteId);
  await writeCertificates(folder, options.renewCertificates);
  folder.file('inside/openemr-mariadb-ca.crt', authorities[0] ?? '');
  folder.file('inside/openemr-ca.crt', authorities[1] ?? '');
  const sql = accountSql({
    version,
    openemr: answers.openemrDatabase,
    ledger: answers.ledgerDatabase,
    agentHost: answers.agentHost,
    feed: answers.feed,
    password: (account) => folder.read(`inside/${account}.password`).trim(),
  });
  folder.file('inside/openemr-accounts.sql', sql);
  const { jwk } = await readClientKey(folder.path('inside/keys'));
  const client = registrationDocument(jwk, OPENEMR_SCOPES, CONTACT);
  folder.file('inside/openemr-client.json', `${JSON.stringify(client, null, 2)}\n`);
  folder.file('inside/inside.env', agentEnvironmentExample(answers, siteId, folder.path('inside')));
  folder.file('dmz/dmz.env', dmzEnvironmentExample(answers, siteId));
  return { folder: root, siteId, ...folder.report };
}

async function writeKeys(folder: SetupFolder, siteId: string): Promise<void> {
  const keys = folder.path('inside/keys');
  const before = existsSync(join(keys, 'statements.json'));
  await initKeys(keys, siteId);
  ensureClientKey(keys);
  folder.note('inside/keys/', !before);
  folder.file('dmz/root.pub', folder.read('inside/keys/root.pub'));
}

async function writeCertificates(folder: SetupFolder, renew: boolean): Promise<void> {
  const authority = folder.path('private/crossing-ca');
  folder.note('private/crossing-ca.key', await ensureAuthority(authority));
  for (const side of ['inside', 'dmz']) {
    folder.file(`${side}/crossing-ca.crt`, readFileSync(`${authority}.crt`, 'utf8'));
  }
  const leaves = [
    ['dmz/gateway', { commonName: GATEWAY_NAME, usage: 'serverAuth' }],
    ['inside/agent', { commonName: AGENT_NAME, usage: 'clientAuth' }],
  ] as const;
  for (const [path, leaf] of leaves) {
    folder.note(`${path}.crt`, await ensureLeaf(folder.path(path), leaf, authority, { renew }));
  }
}

/** The folder, and what was made or kept in it. Nothing is ever half a file. */
class SetupFolder {
  readonly report: Pick<SetupReport, 'made' | 'kept' | 'different'> = { made: [], kept: [], different: [] };

  constructor(
    private readonly root: string,
    private readonly renewFiles: boolean,
  ) {
    for (const name of ['', 'inside', 'dmz', 'private']) {
      mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
      chmodSync(join(root, name), 0o700);
    }
  }

  path(name: string): string {
    return join(this.root, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  note(name: string, made: boolean): void {
    (made ? this.report.made : this.report.kept).push(name);
  }

  /** Made once and never again. */
  secret(name: string, make: () => string, mode: number): string {
    const there = existsSync(this.path(name));
    if (!there) {
      writeFile(this.path(name), make(), mode);
    }
    this.note(name, !there);
    return this.read(name).trim();
  }

  /** Follows from the answers; replaced when files are to be renewed. */
  file(name: string, content: string): void {
    const path = this.path(name);
    const present = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    const write = present === undefined || (present !== content && this.renewFiles);
    if (write) {
      rmSync(path, { force: true });
      writeFile(path, content, 0o600);
    } else if (present !== content) {
      this.report.different.push(name);
    }
    this.note(name, write);
  }
}

function readCertificate(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.includes('-----BEGIN CERTIFICATE-----') && !text.includes('PRIVATE KEY')) {
      return text;
    }
  } catch {
    // the sentence below says it
  }
  throw new AnswersRefused(`${file} must be a readable file with a certificate in PEM, and no key`);
}
