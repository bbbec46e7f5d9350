import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createPrivateKey, createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { KeyStatement } from 'sync-contract/key-statement';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { Signed, kidOf, newSigningPair, signStatement, signingKey, type SigningKey } from 'sync-contract/signed';

const DAY = 86_400_000;
/** A new sealing key is made when the newest is older; statements outlast that, so that the DMZ is never without one. */
const SEALING_KEY_AGE = 30 * DAY;
const SEALING_STATEMENT_LIFE = 120 * DAY;
const SIGNING_STATEMENT_LIFE = 3 * 365 * DAY;
/** A statement begins a little before its making, for clocks that lag. */
const CLOCK_ALLOWANCE = 10 * 60_000;

export const KEY_FILES = {
  root: 'root.key',
  rootPublic: 'root.pub',
  sign: 'agent-sign.key',
  wrap: 'wrap.key',
  resourceId: 'resource-id.key',
  statements: 'statements.json',
  openemrClient: 'openemr-client.key',
} as const;

const SEALING_FILE = /^agent-seal-([0-9a-f]{16})\.key$/;

/** A key file is missing or is not what it has to be; the message names the file. */
export class KeysIncomplete extends Error {
  readonly code = 'keys-incomplete';
  constructor(
    readonly file: string,
    reason: string,
  ) {
    super(`${file} ${reason}; run \`keys init\``);
  }
}

/** The agent's keys as they lie in the key folder. The root key is not among them. */
export interface AgentKeys {
  rootPublicKey: Buffer;
  signing: SigningKey;
  /** private halves by kid */
  sealing: ReadonlyMap<string, Buffer>;
  wrapKey: Buffer;
  resourceIdKey: Buffer;
  statements: readonly Signed[];
}

/**
 * Makes what is missing in the key folder, statements of keys that a start which died left without one too, and a new
 * sealing key when the newest is a month old; what is there stays.
 * Needs the root key only when a statement has to be signed, so that it may be offline otherwise.
 * @returns path of the root's public half, which portal-api and gateway pin
 */
export async function initKeys(dir: string, siteId: string, now: Date = new Date()): Promise<string> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const rootPublicFile = join(dir, KEY_FILES.rootPublic);
  if (!existsSync(rootPublicFile)) {
    const pair = newSigningPair();
    writeKey(join(dir, KEY_FILES.root), pair.privateKey);
    writeFile(rootPublicFile, pair.publicKey.toString('base64url'), 0o444);
  }
  for (const name of [KEY_FILES.wrap, KEY_FILES.resourceId]) {
    if (!existsSync(join(dir, name))) {
      writeKey(join(dir, name), randomBytes(32));
    }
  }
  const statements = existsSync(join(dir, KEY_FILES.statements)) ? readStatements(dir) : [];
  const known = statements.map(statementOf);
  const made: Signed[] = [];
  const vouch = (use: 'sign' | 'seal', publicKey: Buffer, life: number): void => {
    const statement: KeyStatement = {
      v: PROTOCOL_VERSION,
      site: siteId,
      kid: kidOf(publicKey),
      use,
      publicKey: publicKey.toString('base64url'),
      notBefore: new Date(now.getTime() - CLOCK_ALLOWANCE).toISOString(),
      notAfter: new Date(now.getTime() + life).toISOString(),
    };
    made.push(signStatement('key-statement', KeyStatement.parse(statement), signingKey(readKey(dir, KEY_FILES.root))));
  };
  if (!existsSync(join(dir, KEY_FILES.sign))) {
    const pair = newSigningPair();
    vouch('sign', pair.publicKey, SIGNING_STATEMENT_LIFE);
    writeKey(join(dir, KEY_FILES.sign), pair.privateKey);
  } else {
    const publicKey = publicHalf(signingKey(readKey(dir, KEY_FILES.sign)).privateKey);
    if (!known.some((statement) => statement.kid === kidOf(publicKey) && inForce(statement, now))) {
      vouch('sign', publicKey, SIGNING_STATEMENT_LIFE);
    }
  }
  if (rootIsHere(dir)) {
    // A start that died before the statements were written left them. One that was vouched for and is out of force has
    // had its time: it opens old envelopes and must not become the newest again.
    for (const kid of sealingKids(dir).filter((each) => !known.some((statement) => statement.kid === each))) {
      vouch('seal', publicHalf(sealingKey(readKey(dir, `agent-seal-${kid}.key`))), SEALING_STATEMENT_LIFE);
    }
  }
  const newest = newestSealing([...statements, ...made], dir);
  if (newest < now.getTime() - SEALING_KEY_AGE && (made.length > 0 || rootIsHere(dir))) {
    const pair = await newHpkeKeyPair();
    vouch('seal', pair.publicKey, SEALING_STATEMENT_LIFE);
    writeKey(join(dir, `agent-seal-${kidOf(pair.publicKey)}.key`), pair.privateKey);
  }
  if (made.length > 0) {
    // Last, and at once: a key without statement is not used, a statement without key would lose submissions.
    writeFile(join(dir, KEY_FILES.statements), JSON.stringify([...statements, ...made]), 0o400);
  }
  return rootPublicFile;
}

/** @throws KeysIncomplete */
export function readAgentKeys(dir: string): AgentKeys {
  const sealing = new Map(sealingKids(dir).map((kid) => [kid, readKey(dir, `agent-seal-${kid}.key`)]));
  return {
    rootPublicKey: readKey(dir, KEY_FILES.rootPublic),
    signing: signingKey(readKey(dir, KEY_FILES.sign)),
    sealing,
    wrapKey: readKey(dir, KEY_FILES.wrap),
    resourceIdKey: readKey(dir, KEY_FILES.resourceId),
    statements: readStatements(dir),
  };
}

/** @throws KeysIncomplete */
export function readRootPublicKey(dir: string): Buffer {
  return readKey(dir, KEY_FILES.rootPublic);
}

/** The root's private half, wherever the operator keeps it. @throws KeysIncomplete */
export function readRootKey(file: string): SigningKey {
  return signingKey(readKey(dirname(file), basename(file)));
}

function newestSealing(statements: readonly Signed[], dir: string): number {
  const begins = statements
    .map(statementOf)
    .filter((statement) => statement.use === 'seal' && existsSync(join(dir, `agent-seal-${statement.kid}.key`)))
    .map((statement) => Date.parse(statement.notBefore));
  return Math.max(0, ...begins);
}

function statementOf(signed: Signed): KeyStatement {
  return KeyStatement.parse(JSON.parse(signed.body));
}

function inForce({ notBefore, notAfter }: KeyStatement, now: Date): boolean {
  const at = now.toISOString();
  return notBefore <= at && at < notAfter;
}

function sealingKids(dir: string): string[] {
  return namesIn(dir).flatMap((name) => SEALING_FILE.exec(name)?.[1] ?? []);
}

const X25519_PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** @param raw 32-byte X25519 private half */
function sealingKey(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([X25519_PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' });
}

/** Raw, 32 bytes. */
function publicHalf(privateKey: KeyObject): Buffer {
  return Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url');
}

function rootIsHere(dir: string): boolean {
  return existsSync(join(dir, KEY_FILES.root));
}

function readStatements(dir: string): Signed[] {
  const file = join(dir, KEY_FILES.statements);
  try {
    return z.array(Signed).parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    throw new KeysIncomplete(file, 'is missing or damaged');
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    throw new KeysIncomplete(dir, 'is no readable folder');
  }
}

function readKey(dir: string, name: string): Buffer {
  const file = join(dir, name);
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch {
    throw new KeysIncomplete(file, 'is missing or not readable');
  }
  const key = Buffer.from(text, 'base64url');
  if (key.length !== 32) {
    throw new KeysIncomplete(file, 'does not hold a key of 32 bytes');
  }
  return key;
}

function writeKey(file: string, key: Uint8Array): void {
  writeFile(file, Buffer.from(key).toString('base64url'), 0o400);
}

/** Never leaves half a file under the name. */
export function writeFile(file: string, content: string, mode: number): void {
  const draft = `${file}.${randomBytes(4).toString('hex')}.new`;
  writeFileSync(draft, content, { mode, flag: 'wx', flush: true });
  chmodSync(draft, mode);
  renameSync(draft, file);
}
