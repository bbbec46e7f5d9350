import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Keyring, type KeyStatement } from 'sync-contract/key-statement';
import { StatementRefused, kidOf, signingKey } from 'sync-contract/signed';
import { DRILL_ONLY_FILE, type AgentConfig } from '../config.js';
import { KEY_FILES, KeysIncomplete, readAgentKeys, type AgentKeys } from '../keys/key-files.js';
import { fileFacts, isOpenToOthers, myUid } from './check-files.js';
import { finding, type Finding } from './finding.js';

const DAY = 86_400_000;
const SIGNING_NOTICE = 30 * DAY;
/** `keys init` makes a new sealing key when the newest is 30 days old; a few days are left to whoever runs it. */
const SEALING_OVERDUE = 35 * DAY;
const INIT = 'run `keys init` with root.key in the key folder';

export interface KeysOutcome {
  findings: Finding[];
  /** the keys, when they can be used */
  keys: AgentKeys | null;
}

/** A portal on this very machine is a trial; every other address is production. */
export function isProduction({ portalOrigin }: Pick<AgentConfig, 'portalOrigin'>): boolean {
  return !['localhost', '127.0.0.1', '[::1]'].includes(new URL(portalOrigin).hostname);
}

export function checkKeys(config: Pick<AgentConfig, 'keyDir' | 'siteId' | 'portalOrigin'>, now: Date): KeysOutcome {
  const { keyDir } = config;
  if (fileFacts(keyDir)?.folder !== true) {
    const missing = finding(
      'key-folder-missing',
      'the folder in KEY_DIR is not there',
      'mount it or restore it from the backup of the keys; only for a new installation run `keys init`',
    );
    return { findings: [missing], keys: null };
  }
  const findings = [...checkModes(keyDir), ...checkPresence(keyDir)];
  if (isProduction(config)) {
    findings.push(...checkProduction(keyDir));
  }
  if (findings.some(({ code }) => code === 'key-file-missing')) {
    return { findings, keys: null };
  }
  try {
    const keys = readAgentKeys(keyDir);
    findings.push(...checkRootPair(keyDir, keys), ...checkStatements(keys, config.siteId, now));
    return { findings, keys: findings.some(({ code }) => code === 'statement-refused') ? null : keys };
  } catch (failure: unknown) {
    if (!(failure instanceof KeysIncomplete)) {
      throw failure;
    }
    findings.push(
      finding(
        'key-file-damaged',
        `${basename(failure.file)} in the key folder does not hold what it has to`,
        'restore it from the backup of the keys',
      ),
    );
    return { findings, keys: null };
  }
}

function checkModes(dir: string): Finding[] {
  const folder = fileFacts(dir);
  const found: Finding[] = [];
  if (folder !== null && isOpenToOthers(folder, myUid())) {
    found.push(
      finding(
        'key-folder-open',
        `the key folder can be entered by others than its user (mode ${folder.mode.toString(8)})`,
        "make it the agent's own with chmod 0700",
      ),
    );
  }
  for (const name of readdirSync(dir).filter((each) => /\.key$|\.json$/.test(each))) {
    const facts = fileFacts(join(dir, name));
    if (facts !== null && isOpenToOthers(facts, myUid())) {
      found.push(
        finding(
          'key-file-open',
          `${name} in the key folder can be read or changed by others than its user (mode ${facts.mode.toString(8)})`,
          "make it the agent's own with chmod 0400, and replace the key when others had access",
        ),
      );
    }
  }
  return found;
}

function checkPresence(dir: string): Finding[] {
  const { rootPublic, sign, wrap, resourceId, statements } = KEY_FILES;
  return [rootPublic, sign, wrap, resourceId, statements]
    .filter((name) => !existsSync(join(dir, name)))
    .map((name) =>
      finding('key-file-missing', `${name} is not in the key folder`, 'restore it from the backup of the keys'),
    );
}

function checkProduction(dir: string): Finding[] {
  const found: Finding[] = [];
  if (existsSync(join(dir, KEY_FILES.root))) {
    found.push(
      finding(
        'root-key-present',
        "root.key lies in the key folder beside the agent's own keys",
        'move it to a medium that is kept offline, and bring it back only for `keys init`',
      ),
    );
  }
  if (existsSync(join(dir, DRILL_ONLY_FILE))) {
    found.push(
      finding(
        'drill-allowed',
        `${DRILL_ONLY_FILE} in the key folder allows drills to switch protections off`,
        'remove the file',
      ),
    );
  }
  return found;
}

function checkRootPair(dir: string, { rootPublicKey }: AgentKeys): Finding[] {
  const file = join(dir, KEY_FILES.root);
  if (!existsSync(file)) {
    return [];
  }
  const raw = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url');
  return raw.length === 32 && signingKey(raw).kid === kidOf(rootPublicKey)
    ? []
    : [
        finding(
          'root-key-mismatch',
          'root.key and root.pub in the key folder are not one pair',
          'restore both from one backup; the DMZ pins root.pub',
        ),
      ];
}

function checkStatements(keys: AgentKeys, siteId: string, now: Date): Finding[] {
  const ring = new Keyring(keys.rootPublicKey, siteId);
  const statements: KeyStatement[] = [];
  for (const signed of keys.statements) {
    try {
      statements.push(ring.add(signed));
    } catch (failure: unknown) {
      if (!(failure instanceof StatementRefused)) {
        throw failure;
      }
      const refused = finding(
        'statement-refused',
        'a statement in statements.json is not the word of this root key for this SITE_ID',
        'set the SITE_ID of this installation, or restore the whole key folder from one backup',
      );
      return [refused];
    }
  }
  return [...checkSigning(keys, ring, statements, now), ...checkSealing(keys, ring, statements, now)];
}

function checkSigning({ signing }: AgentKeys, ring: Keyring, statements: KeyStatement[], now: Date): Finding[] {
  if (ring.signer(signing.kid, now) === undefined) {
    return [finding('signing-key-not-vouched', 'the signing key has no statement of the root that is in force', INIT)];
  }
  const ends = Math.max(
    ...statements.filter(({ kid }) => kid === signing.kid).map((each) => Date.parse(each.notAfter)),
  );
  return ends - now.getTime() > SIGNING_NOTICE
    ? []
    : [finding('signing-statement-ends-soon', `the signing key's statement ends at ${instant(ends)}`, INIT)];
}

function checkSealing(keys: AgentKeys, ring: Keyring, statements: KeyStatement[], now: Date): Finding[] {
  const newest = ring.sealingKey(now);
  if (newest === undefined) {
    return [finding('sealing-key-missing', 'no sealing key is in force, so patients cannot send anything', INIT)];
  }
  if (!keys.sealing.has(newest.kid)) {
    const missing = finding(
      'sealing-key-file-missing',
      `the DMZ seals to key ${newest.kid}, and agent-seal-${newest.kid}.key is not in the key folder`,
      'restore the file from the backup of the keys',
    );
    return [missing];
  }
  const began = Math.max(
    ...statements.filter(({ kid }) => kid === newest.kid).map((each) => Date.parse(each.notBefore)),
  );
  return now.getTime() - began < SEALING_OVERDUE
    ? []
    : [finding('sealing-key-old', `the newest sealing key was made at ${instant(began)}`, INIT)];
}

function instant(at: number): string {
  return new Date(at).toISOString();
}
