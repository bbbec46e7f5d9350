import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SealBroken } from 'sync-contract/aead';
import { openEnvelope, sealEnvelope } from 'sync-contract/envelope';
import { newRef } from 'sync-contract/identifiers';
import { Keyring } from 'sync-contract/key-statement';
import { StatementRefused } from 'sync-contract/signed';
import { initKeys, KeysIncomplete } from './key-files.js';
import { KeyStore } from './key-store.js';

const SITE = 'b3f7a9c2-6d1e-4f5a-8b0c-9d2e1f3a4b5c';
const OTHER_SITE = 'b3f7a9c2-6d1e-4f5a-8b0c-9d2e1f3a4b5d';
const DAY = 86_400_000;

describe("the agent's keys", () => {
  let dir: string;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'keys-'));
    await initKeys(dir, SITE);
  });

  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  const ring = (site = SITE, now = new Date()): Keyring => {
    const made = new Keyring(Buffer.from(readFileSync(join(dir, 'root.pub'), 'utf8'), 'base64url'), site);
    KeyStore.open(dir, SITE, now).statements.forEach((statement) => made.add(statement));
    return made;
  };

  it('are vouched for by the root: the other side seals to us and accepts our signatures', async () => {
    const keys = KeyStore.open(dir, SITE);
    expect(ring().signer(keys.signing.kid)).toBeDefined();
    const recipient = ring().sealingKey();
    const header = {
      site: SITE,
      submissionId: '0199a1b2-c3d4-7000-8000-000000000001',
      accountRef: newRef(),
      patientRef: null,
      kind: 'message',
      stream: newRef(),
      streamSeq: 1,
      createdAt: new Date().toISOString(),
    };
    const envelope = await sealEnvelope(header, { hello: 1 }, recipient ?? { kid: '', publicKey: Buffer.alloc(32) });
    const privateKey = keys.sealingPrivateKey(envelope.header.kid);
    expect(await openEnvelope(envelope, SITE, privateKey ?? Buffer.alloc(32))).toEqual({ hello: 1 });
    expect(keys.sealingPrivateKey('0'.repeat(16))).toBeUndefined();
  });

  it('get a new sealing key after a month, and old envelopes stay openable', async () => {
    const before = ring().sealingKey()?.kid ?? '';
    await initKeys(dir, SITE, new Date(Date.now() + 20 * DAY));
    expect(KeyStore.open(dir, SITE).statements).toHaveLength(2);
    const later = new Date(Date.now() + 31 * DAY);
    await initKeys(dir, SITE, later);
    const keys = KeyStore.open(dir, SITE);
    expect(keys.statements).toHaveLength(3);
    expect(ring().sealingKey(later)?.kid).not.toBe(before);
    expect(keys.sealingPrivateKey(before)).toBeDefined();
  });

  it('left without a statement by a start that died are refused, then vouched for by the next `keys init`', async () => {
    const file = join(dir, 'statements.json');
    const kid = KeyStore.open(dir, SITE).signing.kid;
    const sealing = ring().sealingKey()?.kid;
    const names = readdirSync(dir);
    rmSync(file);
    writeFileSync(file, '[]');
    expect(() => KeyStore.open(dir, SITE)).toThrow(/agent-sign\.key has no statement .*keys init/);
    rmSync(file);
    await initKeys(dir, SITE);
    expect(KeyStore.open(dir, SITE).signing.kid).toBe(kid);
    expect(ring().signer(kid)).toBeDefined();
    expect(ring().sealingKey()?.kid).toBe(sealing);
    expect(readdirSync(dir)).toEqual(names);
  });

  it('are vouched for again when the signing statement has run out; an old sealing key is not', async () => {
    const { kid } = KeyStore.open(dir, SITE).signing;
    const sealing = ring().sealingKey()?.kid ?? '';
    const later = new Date(Date.now() + 4 * 365 * DAY);
    expect(ring().signer(kid, later)).toBeUndefined();
    await initKeys(dir, SITE, later);
    expect(ring(SITE, later).signer(kid, later)?.kid).toBe(kid);
    expect(ring(SITE, later).sealingKey(later)?.kid).not.toBe(sealing);
  });

  it('need the root only for signing: without it the rest works and nothing is replaced', async () => {
    unlinkSync(join(dir, 'root.key'));
    await initKeys(dir, SITE, new Date(Date.now() + 40 * DAY));
    expect(KeyStore.open(dir, SITE).statements).toHaveLength(2);
    unlinkSync(join(dir, 'agent-sign.key'));
    await expect(initKeys(dir, SITE)).rejects.toThrow(KeysIncomplete);
  });

  it('wrap a secret for one purpose and one owner', () => {
    const keys = KeyStore.open(dir, SITE);
    const [patientRef, secret] = [newRef(), Buffer.alloc(32, 7)];
    const wrapped = keys.wrapChartKey(patientRef, 1, secret);
    expect(keys.unwrapChartKey(patientRef, 1, wrapped)).toEqual(secret);
    expect(wrapped.includes(secret)).toBe(false);
    expect(() => keys.unwrapChartKey(patientRef, 2, wrapped)).toThrow(SealBroken);
    expect(() => keys.unwrapChartKey(newRef(), 1, wrapped)).toThrow(SealBroken);
    expect(() => keys.unwrap('invite-secret', `${patientRef}|1`, wrapped)).toThrow(SealBroken);
  });

  it('are refused when they are of another site, damaged, or not there; the sentence names the file', () => {
    expect(() => KeyStore.open(dir, OTHER_SITE)).toThrow(StatementRefused);
    expect(() => KeyStore.open(join(dir, 'nowhere'), SITE)).toThrow(/nowhere.*keys init/);
    const wrapKey = join(dir, 'wrap.key');
    renameSync(wrapKey, `${wrapKey}.away`);
    expect(() => KeyStore.open(dir, SITE)).toThrow(/wrap\.key is missing/);
    writeFileSync(wrapKey, 'short');
    expect(() => KeyStore.open(dir, SITE)).toThrow(/wrap\.key does not hold a key/);
    unlinkSync(wrapKey);
    renameSync(`${wrapKey}.away`, wrapKey);
    chmodSync(join(dir, 'statements.json'), 0o600);
    writeFileSync(join(dir, 'statements.json'), '[{}]');
    expect(() => KeyStore.open(dir, SITE)).toThrow(/statements\.json is missing or damaged/);
  });

  it('leave no draft behind', () => {
    expect(readdirSync(dir).filter((name) => name.endsWith('.new'))).toEqual([]);
  });
});
