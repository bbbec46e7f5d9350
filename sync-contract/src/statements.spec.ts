import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from './aead.js';
import { sessionEndedBy, signCut, verifyCut, type Cut } from './cut.js';
import {
  type Grant,
  ScopedGrantNotSupported,
  grantInForce,
  issueGrant,
  openGrant,
  verifyGrant,
  type GrantTerms,
} from './grant.js';
import {
  bucketOf,
  bucketRoot,
  heartbeatRoot,
  merkleTreeHash,
  signHeartbeat,
  verifyHeartbeat,
  type Heartbeat,
} from './heartbeat.js';
import { newHpkeKeyPair } from './hpke.js';
import { Keyring, type KeyStatement } from './key-statement.js';
import { matchesEntry, signManifest, verifyManifest, type Manifest } from './manifest.js';
import { PREVIOUS_PROTOCOL_VERSION, PROTOCOL_VERSION } from './protocol.js';
import {
  Signed,
  StatementRefused,
  newSigningPair,
  signStatement,
  signingKey,
  statementHash,
  verifyingKey,
} from './signed.js';

const HEX = Array.from('0123456789abcdef');
const site = '3f0c2c8e-8b1f-4b62-9d0e-0a4d3a0f6a11';
const foreignSite = '7d1bb5c0-5f0a-4a53-8c79-9a7f2d6c9b22';
const patientRef = 'b'.repeat(32);
const pair = newSigningPair();
const key = signingKey(pair.privateKey);
const keyFor = (kid: string) => (kid === key.kid ? verifyingKey(pair.publicKey) : undefined);
const at = '2026-11-22T10:00:00.000Z';

const sealed = randomBytes(1052);
const manifest: Manifest = {
  v: PROTOCOL_VERSION,
  site,
  patientRef,
  era: 1,
  seq: 3,
  asOf: at,
  sections: [
    {
      id: 'd'.repeat(64),
      version: { era: 1, seq: 2 },
      epoch: 1,
      size: sealed.length,
      sha256: createHash('sha256').update(sealed).digest('hex'),
      asOf: at,
    },
  ],
};

describe('a signed statement', () => {
  it('verifies for its signer, purpose and text, and for no other', () => {
    const signed = signManifest(manifest, key);
    expect(verifyManifest(signed, { site, patientRef }, keyFor)).toEqual(manifest);
    expect(() => verifyHeartbeat(signed, site, keyFor)).toThrow(StatementRefused);
    const other = newSigningPair();
    expect(() => verifyManifest(signed, { site, patientRef }, () => verifyingKey(other.publicKey))).toThrow(
      StatementRefused,
    );
    expect(() => verifyManifest({ ...signed, kid: '0'.repeat(16) }, { site, patientRef }, keyFor)).toThrow(
      StatementRefused,
    );
  });

  it('is refused after any changed character of its text or signature', () => {
    const signed = signManifest(manifest, key);
    fc.assert(
      fc.property(
        fc.constantFrom('body', 'signature'),
        fc.nat(),
        fc.integer({ min: 1, max: 25 }),
        (field, place, by) => {
          const text = signed[field];
          const bytes = Buffer.from(text, field === 'signature' ? 'base64url' : 'utf8');
          const index = place % bytes.length;
          bytes[index] = ((bytes[index] ?? 0) + by) % 256;
          const broken = { ...signed, [field]: bytes.toString(field === 'signature' ? 'base64url' : 'latin1') };
          expect(() => verifyManifest(broken, { site, patientRef }, keyFor)).toThrow(StatementRefused);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of another site or chart is refused although its signature is right', () => {
    const signed = signManifest(manifest, key);
    expect(() => verifyManifest(signed, { site: foreignSite, patientRef }, keyFor)).toThrow('another site or chart');
    expect(() => verifyManifest(signed, { site, patientRef: 'c'.repeat(32) }, keyFor)).toThrow('another site or chart');
  });

  it('of the previous protocol version is accepted, of others refused', () => {
    const old = signStatement('manifest', { ...manifest, v: PREVIOUS_PROTOCOL_VERSION }, key);
    expect(verifyManifest(old, { site, patientRef }, keyFor).v).toBe(PREVIOUS_PROTOCOL_VERSION);
    const next = signStatement('manifest', { ...manifest, v: PROTOCOL_VERSION + 1 }, key);
    expect(() => verifyManifest(next, { site, patientRef }, keyFor)).toThrow(
      `protocol version ${String(PROTOCOL_VERSION + 1)} is not accepted`,
    );
  });

  it('has one wire form', () => {
    expect(Signed.parse(JSON.parse(JSON.stringify(signManifest(manifest, key))))).toEqual(signManifest(manifest, key));
    expect(Signed.safeParse({ ...signManifest(manifest, key), extra: 1 }).success).toBe(false);
  });
});

describe('a manifest', () => {
  it('names bytes by length and hash', () => {
    const [entry] = manifest.sections;
    expect(entry && matchesEntry(entry, sealed)).toBe(true);
    expect(entry && matchesEntry(entry, sealed.subarray(1))).toBe(false);
    expect(entry && matchesEntry(entry, Buffer.alloc(sealed.length))).toBe(false);
  });
});

describe('the heartbeat tree', () => {
  it('hashes as RFC 6962 does', () => {
    const leaf = (text: string) =>
      createHash('sha256')
        .update(Buffer.from(`\u0000${text}`, 'utf8'))
        .digest();
    const node = (left: Buffer, right: Buffer) =>
      createHash('sha256')
        .update(Buffer.concat([Buffer.of(1), left, right]))
        .digest();
    expect(merkleTreeHash([]).toString('hex')).toBe(createHash('sha256').digest('hex'));
    expect(merkleTreeHash(['a', 'b', 'c'].map((text) => Buffer.from(text)))).toEqual(
      node(node(leaf('a'), leaf('b')), leaf('c')),
    );
  });

  it('changes its root with any change of any chart, and not with the order they come in', () => {
    const leafArbitrary = fc.record({
      patientRef: fc.string({ unit: fc.constantFrom(...HEX), minLength: 32, maxLength: 32 }),
      era: fc.integer({ min: 1, max: 3 }),
      seq: fc.integer({ min: 1, max: 1000 }),
      manifestHash: fc.string({ unit: fc.constantFrom(...HEX), minLength: 64, maxLength: 64 }),
    });
    const rootOf = (leaves: { patientRef: string; era: number; seq: number; manifestHash: string }[]) =>
      heartbeatRoot(
        Array.from({ length: 256 }, (_, bucket) =>
          bucketRoot(leaves.filter((one) => bucketOf(one.patientRef) === bucket)),
        ),
      );
    fc.assert(
      fc.property(
        fc.uniqueArray(leafArbitrary, { selector: (one) => one.patientRef, minLength: 1, maxLength: 12 }),
        fc.nat(),
        (leaves, pick) => {
          const root = rootOf(leaves);
          expect(rootOf([...leaves].reverse())).toBe(root);
          const changed = leaves.map((one, index) =>
            index === pick % leaves.length ? { ...one, seq: one.seq + 1 } : one,
          );
          expect(rootOf(changed)).not.toBe(root);
          expect(rootOf(leaves.slice(1))).not.toBe(root);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('travels signed and says how current each chart is', () => {
    const heartbeat: Heartbeat = {
      v: PROTOCOL_VERSION,
      site,
      era: 1,
      seq: 9,
      issuedAt: at,
      t: at,
      root: heartbeatRoot(Array.from({ length: 256 }, () => bucketRoot([]))),
      exceptions: [{ patientRef, t: '2026-11-22T09:00:00.000Z' }],
    };
    const signed = signHeartbeat(heartbeat, key);
    expect(verifyHeartbeat(signed, site, keyFor)).toEqual(heartbeat);
    expect(() => verifyHeartbeat(signed, foreignSite, keyFor)).toThrow('another site');
    expect(() => heartbeatRoot([])).toThrow(RangeError);
  });
});

describe('a grant', () => {
  const chartKey = randomBytes(32);
  const terms = (publicKey: Buffer): GrantTerms => ({
    v: PROTOCOL_VERSION,
    site,
    grantId: '1'.repeat(32),
    accountRef: '2'.repeat(32),
    patientRef,
    relation: 'self',
    scopes: ['message'],
    classes: 'all',
    epoch: 1,
    from: at,
    to: '2026-11-23T10:00:00.000Z',
    publicKey: publicKey.toString('base64url'),
    issuedAt: at,
  });

  it('opens with the account key and only with unchanged terms', async () => {
    const account = await newHpkeKeyPair();
    const signed = await issueGrant(terms(account.publicKey), chartKey, key);
    const grant = verifyGrant(signed, site, keyFor);
    expect(await openGrant(grant, account.privateKey)).toEqual(chartKey);
    await expect(openGrant(grant, (await newHpkeKeyPair()).privateKey)).rejects.toThrow(SealBroken);
    for (const change of [
      { patientRef: 'c'.repeat(32) },
      { accountRef: '3'.repeat(32) },
      { scopes: ['message' as const, 'pay' as const] },
      { to: null },
      { epoch: 2 },
      { site: foreignSite },
    ]) {
      const forged: Grant = { ...grant, terms: { ...grant.terms, ...change } };
      await expect(openGrant(forged, account.privateKey)).rejects.toThrow(SealBroken);
    }
    expect(() => verifyGrant(signed, foreignSite, keyFor)).toThrow('another site');
  });

  it('does not open after one flipped bit of the sealed key', async () => {
    const account = await newHpkeKeyPair();
    const grant = verifyGrant(await issueGrant(terms(account.publicKey), chartKey, key), site, keyFor);
    for (const field of ['enc', 'ct'] as const) {
      const bytes = Buffer.from(grant[field], 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const broken: Grant = { ...grant, [field]: flipped.toString('base64url') };
        await expect(openGrant(broken, account.privateKey)).rejects.toThrow(SealBroken);
      }
    }
  });

  it('is in force from its beginning until before its end', async () => {
    const clear = terms((await newHpkeKeyPair()).publicKey);
    expect(grantInForce(clear, new Date('2026-11-22T09:59:59.999Z'))).toBe(false);
    expect(grantInForce(clear, new Date(at))).toBe(true);
    expect(grantInForce(clear, new Date('2026-11-23T10:00:00.000Z'))).toBe(false);
    expect(grantInForce({ ...clear, to: null }, new Date('2036-01-01T00:00:00.000Z'))).toBe(true);
  });

  it('for single classes is refused with a sentence, not silently widened', async () => {
    const account = await newHpkeKeyPair();
    const scoped: GrantTerms = { ...terms(account.publicKey), classes: ['results'] };
    await expect(issueGrant(scoped, chartKey, key)).rejects.toThrow(ScopedGrantNotSupported);
  });
});

describe('the keyring', () => {
  const root = newSigningPair();
  const rootKey = signingKey(root.privateKey);
  const statement = (publicKey: Buffer, kid: string, change: Partial<KeyStatement> = {}): KeyStatement => ({
    v: PROTOCOL_VERSION,
    site,
    kid,
    use: 'sign',
    publicKey: publicKey.toString('base64url'),
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2027-01-01T00:00:00.000Z',
    ...change,
  });
  const now = new Date(at);

  it('knows a key only by the word of the pinned root, for its use and time', () => {
    const ring = new Keyring(root.publicKey, site);
    expect(ring.signer(key.kid, now)).toBeUndefined();
    ring.add(signStatement('key-statement', statement(pair.publicKey, key.kid), rootKey));
    expect(ring.signer(key.kid, now)?.kid).toBe(key.kid);
    expect(ring.signer(key.kid, new Date('2027-01-01T00:00:00.000Z'))).toBeUndefined();
    expect(ring.sealingKey(now)).toBeUndefined();
  });

  it('refuses statements signed by anybody else, of another site, or for another purpose', () => {
    const ring = new Keyring(root.publicKey, site);
    const clear = statement(pair.publicKey, key.kid);
    expect(() => ring.add(signStatement('key-statement', clear, key))).toThrow(StatementRefused);
    expect(() => ring.add(signStatement('key-statement', { ...clear, site: foreignSite }, rootKey))).toThrow(
      StatementRefused,
    );
    expect(() => ring.add(signStatement('manifest', clear, rootKey))).toThrow(StatementRefused);
  });

  it('seals to the key in force that began last', () => {
    const ring = new Keyring(root.publicKey, site);
    for (const [kid, notBefore] of [
      ['1'.repeat(16), '2026-10-01T00:00:00.000Z'],
      ['2'.repeat(16), '2026-11-01T00:00:00.000Z'],
      ['3'.repeat(16), '2026-12-01T00:00:00.000Z'],
    ] as const) {
      ring.add(signStatement('key-statement', statement(pair.publicKey, kid, { use: 'seal', notBefore }), rootKey));
    }
    expect(ring.sealingKey(now)?.kid).toBe('2'.repeat(16));
  });
});

describe('a cut', () => {
  const cut: Cut = { v: PROTOCOL_VERSION, site, state: 'cut', issuedAt: at, revoked: ['e'.repeat(64)] };
  const before = new Date('2026-11-22T09:59:59.999Z');

  it('is the word of the inside for one site and passes for no other statement', () => {
    const signed = signCut(cut, key);
    expect(verifyCut(signed, site, keyFor)).toEqual(cut);
    expect(() => verifyCut(signed, foreignSite, keyFor)).toThrow('another site');
    expect(() => verifyHeartbeat(signed, site, keyFor)).toThrow(StatementRefused);
    expect(() => verifyCut(signManifest(manifest, key), site, keyFor)).toThrow(StatementRefused);
    expect(() => verifyCut(signCut(cut, signingKey(newSigningPair().privateKey)), site, keyFor)).toThrow(
      StatementRefused,
    );
    expect(() => verifyCut(signStatement('cut', { ...cut, state: 'off' }, key), site, keyFor)).toThrow(
      StatementRefused,
    );
  });

  it('ends every session; once it is lifted those that began before stay over', () => {
    const lifted: Cut = { ...cut, state: 'lifted' };
    expect(sessionEndedBy(null, before)).toBe(false);
    expect(sessionEndedBy(cut, before)).toBe(true);
    expect(sessionEndedBy(cut, new Date('2027-01-01T00:00:00.000Z'))).toBe(true);
    expect(sessionEndedBy(lifted, before)).toBe(true);
    expect(sessionEndedBy(lifted, new Date(at))).toBe(false);
  });
});

it('a statement is named by the hash of its text', () => {
  const signed = signManifest(manifest, key);
  expect(statementHash(signed)).toBe(createHash('sha256').update(signed.body).digest('hex'));
});
