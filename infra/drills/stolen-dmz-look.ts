import { createHash } from 'node:crypto';
import { DEFAULT_DATABASES } from '../services/services.js';
import { huntCanaries, newHunt, type Hunt } from './canary-hunt.js';
import {
  flushDatabase,
  processEnvironment,
  processMemory,
  storedColumns,
  storedFiles,
  storedRedisValues,
  type StoredValue,
} from './dmz-bytes.js';
import { keyCandidates } from './key-candidates.js';
import { OpeningAttempts, type OpenedValue } from './opening-attempts.js';
import { storedCiphertexts, type StoredCiphertext } from './stored-ciphertexts.js';
import type { Practice } from './stolen-dmz-practice.js';
import { say } from './verdict.js';

/** What one look through the DMZ has come to. */
export interface Look {
  /** labels of the canaries found */
  labels: ReadonlySet<string>;
  /** bytes by where they lay, before any decoding */
  stored: Record<'columns' | 'redis' | 'environments' | 'files' | 'memory', number>;
  /** bytes searched, those that came out of decoders included; files that had not changed since are not counted again */
  searched: number;
  keys: number;
  ciphertexts: number;
  tries: number;
  opened: readonly OpenedValue[];
}

/** Compression is met by its sign anywhere; brotli, which has none, at the start of files up to this size. */
const STORED_VALUE = 1024 * 1024;

/** What opens and may hold keys. */
const HOLDS_KEYS: readonly StoredCiphertext['kind'][] = ['account', 'grant', 'half-key'];

type Candidates = Map<string, StoredValue>;

/** Somebody who has taken the DMZ of a practice. What he has tried once he need not try again at the next look. */
export class Thief {
  private readonly attempts = new OpeningAttempts();
  private readonly barren = new Set<string>();
  /** by hash: candidates of files that had no canary, e.g. MariaDB's own tables */
  private readonly cleanFiles = new Map<string, Candidates>();

  constructor(private readonly practice: Practice) {}

  /**
   * Looks through every byte the DMZ stores and tries every value as a key; what opens is looked through as well and
   * may hold further keys.
   * @param held what the thief has beside the DMZ, e.g. a cookie
   * @param withKeys false when only what lies open is looked for
   */
  async look(held: readonly StoredValue[] = [], withKeys = true): Promise<Look> {
    const { system, redis } = this.practice;
    const { dmz } = system.services;
    const hunt = newHunt(this.barren);
    const stored: Look['stored'] = { columns: 0, redis: 0, environments: 0, files: 0, memory: 0 };
    const values = {
      columns: await storedColumns(dmz, DEFAULT_DATABASES.portal),
      redis: await storedRedisValues(redis),
      environments: environmentsOf(system),
    };
    for (const kind of ['columns', 'redis', 'environments'] as const) {
      for (const { place, bytes } of values[kind]) {
        stored[kind] += bytes.length;
        huntCanaries(hunt, place, bytes, true);
      }
    }
    for (const { place, bytes } of processMemory(pidOf('Redis', dmz.redis.pid), 'Redis')) {
      stored.memory += bytes.length;
      huntCanaries(hunt, place, bytes);
    }
    const candidates = keyCandidates([...Object.values(values).flat(), ...held]);
    await flushDatabase(dmz);
    for (const file of storedFiles(dmz.dir)) {
      stored.files += file.bytes.length;
      this.searchFile(hunt, file).forEach((value, key) => {
        candidates.set(key, candidates.get(key) ?? value);
      });
    }
    const ciphertexts = withKeys ? await storedCiphertexts(dmz, DEFAULT_DATABASES.portal, system.siteId, redis) : [];
    say(
      `  ${String(hunt.bytes)} bytes searched; ${String(candidates.size)} keys for ${String(ciphertexts.length)} seals`,
    );
    const tried = await this.tryEverything(candidates, ciphertexts, hunt);
    for (const [label, places] of hunt.found) {
      say(`  canary ${label} in ${[...places].slice(0, 3).join('; ')}`);
    }
    const labels = new Set(hunt.found.keys());
    return { labels, stored, searched: hunt.bytes, ciphertexts: ciphertexts.length, ...tried };
  }

  private searchFile(hunt: Hunt, { place, bytes }: StoredValue): Candidates {
    const hash = createHash('sha256').update(bytes).digest('hex');
    const before = this.cleanFiles.get(hash);
    if (before !== undefined) {
      return before;
    }
    const ofFile = newHunt(this.barren);
    huntCanaries(ofFile, place, bytes, bytes.length <= STORED_VALUE);
    const candidates = keyCandidates([{ place, bytes }]);
    if (ofFile.found.size === 0) {
      this.cleanFiles.set(hash, candidates);
    }
    mergeInto(hunt, ofFile);
    return candidates;
  }

  private async tryEverything(
    candidates: Candidates,
    ciphertexts: readonly StoredCiphertext[],
    hunt: Hunt,
  ): Promise<Pick<Look, 'keys' | 'tries' | 'opened'>> {
    const tried = new Set<string>();
    const opened: OpenedValue[] = [];
    let tries = 0;
    for (let untried = candidates; untried.size > 0;) {
      const outcome = await this.attempts.tryAll(untried, ciphertexts);
      tries += outcome.tries;
      opened.push(...outcome.opened);
      outcome.opened.forEach(({ place, bytes }) => {
        huntCanaries(hunt, place, bytes, true);
      });
      [...untried.keys()].forEach((key) => tried.add(key));
      const further = keyCandidates(outcome.opened.filter(mayHoldKeys));
      untried = new Map([...further].filter(([key]) => !tried.has(key)));
    }
    return { keys: tried.size, tries, opened };
  }
}

/** Of a chart's sections only the list of documents holds keys. */
function mayHoldKeys({ kind, bytes }: OpenedValue): boolean {
  return HOLDS_KEYS.includes(kind) || (kind === 'section' && bytes.includes('"contents":['));
}

function mergeInto(hunt: Hunt, part: Hunt): void {
  hunt.bytes += part.bytes;
  for (const [label, places] of part.found) {
    hunt.found.set(label, new Set([...(hunt.found.get(label) ?? []), ...places]));
  }
}

function environmentsOf({ services, programs }: Practice['system']): StoredValue[] {
  return [
    ['portal-api', programs.portalApi.pid] as const,
    ['sync-gateway', programs.gateway.pid] as const,
    ['MariaDB', services.dmz.mariadb.pid] as const,
    ['Redis', services.dmz.redis.pid] as const,
  ].flatMap(([name, pid]) => processEnvironment(pidOf(name, pid), name));
}

function pidOf(name: string, pid: number | undefined): number {
  if (pid === undefined) {
    throw new Error(`${name} is not running`);
  }
  return pid;
}
