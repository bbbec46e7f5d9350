import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { Command } from 'commander';
import { Redis } from 'ioredis';
import { PasswordHasher } from 'portal-api/src/credentials/password-hasher';
import { derivePasswordKeys, verifierMatches, unwrap } from 'portal-api/src/credentials/account-secrets';
import { parseHalfKey } from 'portal-api/src/sessions/half-key-cookie';
import { PortalClient, type Credentials } from '../demo/portal-client.js';
import { chartArrived } from '../demo/ready-patient.js';
import { until } from '../demo/until.js';
import { System } from '../demo/system.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { canary, huntCanaries, newHunt } from './canary-hunt.js';
import { labelOf, labelsOf, plantInOpenEmr, writeToPatient } from './canary-plan.js';
import {
  keyCandidates,
  processEnvironment,
  processMemory,
  storedColumns,
  storedFiles,
  storedRedisValues,
  type StoredValue,
} from './dmz-bytes.js';
import { storedCiphertexts, tryKeys } from './opening-attempts.js';
import { printVerdict, say } from './verdict.js';

/**
 * `npm run drill -- stolen-dmz`: somebody takes everything the DMZ stores while nobody is signed in, looks through all
 * bytes and tries every value he holds as a key, with the system's own opening code. No canary may show. The controls
 * are things he must find.
 */

const PASSWORD = 'velvet canyon nine lanterns';

interface DrillArguments {
  patients: number;
  short: boolean;
}

interface Loot {
  labels: Set<string>;
  bytes: number;
  keys: number;
  ciphertexts: number;
  tries: number;
  opened: number;
}

interface Victim {
  pid: number;
  credentials: Credentials;
}

class StolenDmz {
  readonly victims: Victim[] = [];

  private constructor(
    readonly system: System,
    private readonly dataDir: string,
    private readonly redis: Redis,
  ) {}

  /** A practice whose every patient has canaries in OpenEMR, joined, with a message each way, signed out again. */
  static async prepare(patients: number, agentEnv: Record<string, string> = {}): Promise<StolenDmz> {
    const dataDir = mkdtempSync(join(tmpdir(), 'odp-stolen-'));
    chmodSync(dataDir, 0o711);
    const system = await System.start({
      dataDir,
      portalPort: await freePort(),
      gatewayPort: await freePort(),
      servicePorts: await freeServicePorts(),
      patients,
      log: () => undefined,
      agentEnv,
    });
    const { dmz } = system.services;
    const redis = new Redis({
      host: dmz.redis.host,
      port: dmz.redis.port,
      username: 'operator',
      password: readFileSync(dmz.secretFile('operator'), 'utf8').trim(),
      tls: { ca: readFileSync(dmz.redis.caFile, 'utf8') },
    });
    const drill = new StolenDmz(system, dataDir, redis);
    const openemr = await system.openemr();
    try {
      for (const { pid } of system.patients) {
        await plantInOpenEmr(openemr, pid);
      }
      for (const { pid, dateOfBirth } of system.patients) {
        drill.victims.push({ pid, credentials: await drill.enrol(pid, dateOfBirth) });
        await writeToPatient(openemr, pid);
      }
    } finally {
      await openemr.end();
    }
    await drill.everythingReplicated();
    return drill;
  }

  private async enrol(pid: number, dateOfBirth: string): Promise<Credentials> {
    const client = new PortalClient(this.system.origin);
    try {
      const invite = await this.system.invite(pid);
      const name = `${canary(labelOf(pid, 'signinname')).toLowerCase()}@example.org`;
      const credentials = await client.join(invite.code, dateOfBirth, name, PASSWORD);
      const patientRef = await chartArrived(client);
      const message = { threadId: null, topic: 'General', subject: 'Drill', body: canary(labelOf(pid, 'sent')) };
      await client.sendMessage(patientRef, message);
      await client.signOut();
      return credentials;
    } finally {
      await client.close();
    }
  }

  /** The replica holds what OpenEMR holds: otherwise finding nothing would mean nothing. */
  private async everythingReplicated(): Promise<void> {
    await until(
      'all own copies to have become part of the charts',
      async () => {
        const [row] = await this.system.services.dmz.adminSql('SELECT COUNT(*) AS left_over FROM ??.own_copy', [
          DEFAULT_DATABASES.portal,
        ]);
        return Number(row?.['left_over']) === 0;
      },
      180_000,
    );
  }

  /** Looks through everything once; `more` are things the thief holds beside the DMZ, e.g. one cookie's key. */
  async loot(more: readonly StoredValue[] = []): Promise<Loot> {
    const { dmz } = this.system.services;
    const { portalApi, gateway } = this.system.programs;
    const values: StoredValue[] = [
      ...(await storedColumns(dmz, DEFAULT_DATABASES.portal)),
      ...(await storedRedisValues(this.redis)),
    ];
    for (const [name, pid] of [
      ['portal-api', portalApi.pid],
      ['sync-gateway', gateway.pid],
      ['MariaDB', dmz.mariadb.pid],
      ['Redis', dmz.redis.pid],
    ] as const) {
      if (pid === undefined) {
        throw new Error(`${name} is not running`);
      }
      values.push(...processEnvironment(pid, name));
    }
    const hunt = newHunt();
    for (const { place, bytes } of values) {
      huntCanaries(hunt, place, bytes, true);
    }
    const smallFiles: StoredValue[] = [];
    for (const file of storedFiles(dmz.dir)) {
      huntCanaries(hunt, file.place, file.bytes, file.bytes.length < 1024 * 1024);
      if (file.bytes.length < 1024 * 1024) {
        smallFiles.push(file);
      }
    }
    for (const region of processMemory(dmz.redis.pid ?? 0, 'Redis')) {
      huntCanaries(hunt, region.place, region.bytes);
    }
    const loot: Loot = { labels: new Set(), bytes: 0, keys: 0, ciphertexts: 0, tries: 0, opened: 0 };
    const ciphertexts = await storedCiphertexts(dmz, DEFAULT_DATABASES.portal, this.system.siteId, this.redis);
    loot.ciphertexts = ciphertexts.length;
    const tried = new Set<string>();
    let candidates = keyCandidates([...values, ...smallFiles, ...more]);
    while (candidates.size > 0) {
      for (const key of candidates.keys()) {
        tried.add(key);
      }
      const attempts = await tryKeys(candidates.values(), ciphertexts);
      loot.keys += attempts.keys;
      loot.tries += attempts.tries;
      loot.opened += attempts.opened.length;
      for (const { place, bytes } of attempts.opened) {
        huntCanaries(hunt, place, bytes, true);
      }
      // What opened may hold the next key: a session holds chart keys.
      candidates = new Map([...keyCandidates(attempts.opened)].filter(([key]) => !tried.has(key)));
    }
    loot.labels = new Set(hunt.found.keys());
    loot.bytes = hunt.bytes;
    for (const [label, places] of hunt.found) {
      say(`canary ${label} in ${[...places].slice(0, 3).join('; ')}`);
    }
    return loot;
  }

  /** Signs one patient in and steals the cookie as well. */
  async lootWithCookie(victim: Victim): Promise<{ loot: Loot; chartKey: Buffer }> {
    const client = new PortalClient(this.system.origin);
    try {
      await client.signIn(victim.credentials);
      const cookie = /__Host-session=([^;]+)/.exec(client.cookieHeader)?.[1];
      const half = parseHalfKey(cookie);
      if (half === null) {
        throw new Error('there is no session cookie to steal');
      }
      const held = [{ place: 'the stolen cookie', bytes: half.key }];
      const loot = await this.loot(held);
      const ciphertexts = await storedCiphertexts(
        this.system.services.dmz,
        DEFAULT_DATABASES.portal,
        this.system.siteId,
        this.redis,
      );
      const [session] = (await tryKeys(held, ciphertexts)).opened;
      const chartKey = /"chartKeys":\["([^"]+)"/.exec(session?.bytes.toString('utf8') ?? '')?.[1];
      return { loot, chartKey: Buffer.from(chartKey ?? '', 'base64url') };
    } finally {
      await client.signOut();
      await client.close();
    }
  }

  /** Puts files into the DMZ's folder for one look. */
  async lootWithFiles(files: Record<string, Buffer>): Promise<Loot> {
    const paths = Object.entries(files).map(([name, bytes]) => {
      const path = join(this.system.services.dmz.dir, name);
      writeFileSync(path, bytes);
      return path;
    });
    try {
      return await this.loot();
    } finally {
      for (const path of paths) {
        rmSync(path);
      }
    }
  }

  /** With the right password but another pepper nothing tells that the guess was right; with the pepper it does. */
  async guessPassword(victim: Victim, pepper: Buffer): Promise<boolean> {
    const accounts = await this.system.services.dmz.adminSql('SELECT * FROM ??.account', [DEFAULT_DATABASES.portal]);
    const hasher = new PasswordHasher();
    for (const account of accounts) {
      const { salt, verifier, account_ref: ref, private_key_wrapped: wrapped } = account;
      if (!Buffer.isBuffer(salt) || !Buffer.isBuffer(verifier) || !Buffer.isBuffer(ref) || !Buffer.isBuffer(wrapped)) {
        throw new Error('the account row has another shape');
      }
      const keys = await derivePasswordKeys(hasher, victim.credentials.password, salt, pepper);
      if (verifierMatches(keys, verifier)) {
        return true;
      }
      try {
        unwrap(keys.wrapKey, ref.toString('hex'), 'private-key', wrapped);
        return true;
      } catch {
        // as it should be
      }
    }
    return false;
  }

  get pepper(): Buffer {
    const text = readFileSync(join(this.system.services.dmz.dir, 'secrets/pepper.key'), 'utf8').trim();
    return Buffer.from(text, 'base64url');
  }

  async end(): Promise<void> {
    this.redis.disconnect();
    await this.system.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** One canary behind each encoding, and behind three at once. Names without x, which ends a label. */
function plantedEncodings(): { files: Record<string, Buffer>; labels: string[] } {
  const encode: Record<string, (text: string) => Buffer> = {
    clear: (text) => Buffer.from(text),
    gzip: (text) => gzipSync(text),
    zstd: (text) => zstdCompressSync(Buffer.from(text)),
    brotli: (text) => brotliCompressSync(text),
    base64: (text) => Buffer.from(Buffer.from(text).toString('base64')),
    digits: (text) => Buffer.from(Buffer.from(text).toString('hex')),
    wide: (text) => Buffer.from(text, 'utf16le'),
    json: (text) => Buffer.from([...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')),
    threefold: (text) => Buffer.from(gzipSync(Buffer.from(text).toString('base64')).toString('hex')),
  };
  const names = Object.keys(encode);
  return {
    files: Object.fromEntries(
      names.map((name) => [
        `planted-${name}`,
        encode[name]?.(`text around ${canary(`control0${name}`)} it`) ?? Buffer.of(),
      ]),
    ),
    labels: names.map((name) => `control0${name}`),
  };
}

async function sealingOffIsFound(): Promise<boolean> {
  const open = await StolenDmz.prepare(2, { DRILL_FAULT: 'sealing-off' });
  try {
    const { labels } = await open.loot();
    return open.victims.every(
      ({ pid }) => labels.has(labelOf(pid, 'surname')) && labels.has(labelOf(pid, 'medication')),
    );
  } finally {
    await open.end();
  }
}

async function main(options: DrillArguments): Promise<boolean> {
  const drill = await StolenDmz.prepare(options.patients);
  try {
    say(`${String(drill.victims.length)} patients with canaries, nobody signed in`);
    const stolen = await drill.loot();
    const [first, second] = drill.victims;
    if (first === undefined || second === undefined) {
      throw new Error('the drill needs two patients');
    }
    say('the password with another pepper, and with the right one');
    const guessedWithout =
      (await drill.guessPassword(first, Buffer.alloc(32))) || (await drill.guessPassword(first, Buffer.alloc(0)));
    const guessedWith = await drill.guessPassword(first, drill.pepper);
    say('control: canaries planted in each encoding');
    const planted = plantedEncodings();
    const foundPlanted = await drill.lootWithFiles(planted.files);
    say('one patient signed in, with that cookie in hand');
    const { loot: withCookie, chartKey } = await drill.lootWithCookie(first);
    say('control: one chart key planted in the folder of the DMZ');
    const foundByKey = await drill.lootWithFiles({ 'planted-key': Buffer.from(chartKey.toString('hex')) });
    say('control: a run with sealing switched off');
    const unsealed = await sealingOffIsFound();
    const exactly = (labels: Set<string>): boolean => [...labels].sort().join() === labelsOf(first.pid).join();
    const controls = {
      plantedFound: planted.labels.every((label) => foundPlanted.labels.has(label)),
      plantedKeyOpens: exactly(foundByKey.labels),
      sealingOffFound: unsealed,
      pepperNeeded: guessedWith,
    };
    const met =
      stolen.labels.size === 0 &&
      stolen.opened === 0 &&
      !guessedWithout &&
      exactly(withCookie.labels) &&
      Object.values(controls).every((caught) => caught);
    printVerdict({
      name: 'stolen-dmz',
      parameters: { patients: options.patients },
      figures: {
        canariesFound: stolen.labels.size,
        bytes: stolen.bytes,
        keysTried: stolen.keys,
        ciphertexts: stolen.ciphertexts,
        tries: stolen.tries,
        opened: stolen.opened,
        passwordGuessedWithoutPepper: guessedWithout,
        withCookie: { found: withCookie.labels.size, exactlyThatPatient: exactly(withCookie.labels) },
        controls,
      },
      aim: 'no canary and no opened seal with nobody signed in; exactly one patient with one cookie; every control found',
      met,
    });
    return met;
  } finally {
    await drill.end();
  }
}

const given = new Command('stolen-dmz')
  .option('--patients <n>', 'patients with canaries', Number, 50)
  .option('--short', 'few patients, as in npm test; all controls stay', false)
  .parse()
  .opts<DrillArguments>();
try {
  process.exit((await main(given.short ? { ...given, patients: 3 } : given)) ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
