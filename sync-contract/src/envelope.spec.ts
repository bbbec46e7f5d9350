import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from './aead.js';
import { Envelope, openEnvelope, sealEnvelope, type EnvelopeHeader } from './envelope.js';
import { newHpkeKeyPair, type HpkeKeyPair } from './hpke.js';
import { LIMITS } from './limits.js';
import { ProtocolVersionRefused, PREVIOUS_PROTOCOL_VERSION, PROTOCOL_VERSION } from './protocol.js';
import { canonicalBytes } from './canonical-json.js';
import { hpkeSeal } from './hpke.js';
import { pad } from './padding.js';

const site = '3f0c2c8e-8b1f-4b62-9d0e-0a4d3a0f6a11';
const header: Omit<EnvelopeHeader, 'v' | 'kid'> = {
  site,
  submissionId: '01900000-0000-7000-8000-000000000001',
  accountRef: 'a'.repeat(32),
  patientRef: 'b'.repeat(32),
  kind: 'message',
  stream: 'c'.repeat(32),
  streamSeq: 1,
  createdAt: '2026-11-22T10:00:00.000Z',
};
const kid = '0123456789abcdef';
let keys: HpkeKeyPair;

beforeAll(async () => {
  keys = await newHpkeKeyPair();
});

describe('an envelope', () => {
  it('gives back exactly the JSON that was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (payload) => {
        const envelope = await sealEnvelope(header, payload, { kid, publicKey: keys.publicKey });
        const wire = Envelope.parse(JSON.parse(JSON.stringify(envelope)));
        expect(await openEnvelope(wire, site, keys.privateKey)).toEqual(JSON.parse(JSON.stringify(payload)));
      }),
      { numRuns: 50 },
    );
  });

  it('does not open after one flipped bit anywhere in key or ciphertext', async () => {
    const envelope = await sealEnvelope(header, { text: 'hello' }, { kid, publicKey: keys.publicKey });
    for (const field of ['enc', 'ct'] as const) {
      const bytes = Buffer.from(envelope[field], 'base64url');
      // every bit of the key, every eleventh of the padded ciphertext
      for (let bit = 0; bit < bytes.length * 8; bit += field === 'enc' ? 1 : 11) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const broken = { ...envelope, [field]: flipped.toString('base64url') };
        await expect(openEnvelope(broken, site, keys.privateKey)).rejects.toThrow(SealBroken);
      }
    }
  });

  it.each([
    ['submissionId', '01900000-0000-7000-8000-000000000002'],
    ['accountRef', 'd'.repeat(32)],
    ['patientRef', null],
    ['kind', 'enrolment'],
    ['stream', 'e'.repeat(32)],
    ['streamSeq', 2],
    ['createdAt', '2026-11-22T10:00:00.001Z'],
    ['kid', 'fedcba9876543210'],
    ['v', PREVIOUS_PROTOCOL_VERSION],
  ])('does not open when the clear field %s is changed', async (field, value) => {
    const envelope = await sealEnvelope(header, { text: 'hello' }, { kid, publicKey: keys.publicKey });
    const changed = { ...envelope, header: { ...envelope.header, [field]: value } };
    await expect(openEnvelope(changed, site, keys.privateKey)).rejects.toThrow(SealBroken);
  });

  it('does not open at another site, nor for another key', async () => {
    const envelope = await sealEnvelope(header, { text: 'hello' }, { kid, publicKey: keys.publicKey });
    const foreign = '7d1bb5c0-5f0a-4a53-8c79-9a7f2d6c9b22';
    await expect(openEnvelope(envelope, foreign, keys.privateKey)).rejects.toThrow(SealBroken);
    await expect(openEnvelope(envelope, site, (await newHpkeKeyPair()).privateKey)).rejects.toThrow(SealBroken);
  });

  it('of the previous protocol version opens, of any other is refused by its name', async () => {
    const old: EnvelopeHeader = { ...header, v: PREVIOUS_PROTOCOL_VERSION, kid };
    const sealed = await hpkeSeal(
      keys.publicKey,
      'envelope',
      site,
      pad(canonicalBytes({ text: 'old' })),
      canonicalBytes(old),
      PREVIOUS_PROTOCOL_VERSION,
    );
    const envelope: Envelope = {
      header: old,
      enc: sealed.enc.toString('base64url'),
      ct: sealed.ct.toString('base64url'),
    };
    expect(await openEnvelope(envelope, site, keys.privateKey)).toEqual({ text: 'old' });
    for (const v of [0, PROTOCOL_VERSION + 1]) {
      const other = { ...envelope, header: { ...old, v } };
      const refusal = openEnvelope(other, site, keys.privateKey);
      await expect(refusal).rejects.toThrow(ProtocolVersionRefused);
      await expect(refusal).rejects.toThrow(`protocol version ${String(v)} is not accepted`);
    }
  });

  it('is not made for a submission above the limit', async () => {
    const payload = { text: 'x'.repeat(LIMITS.submissionBytes) };
    await expect(sealEnvelope(header, payload, { kid, publicKey: keys.publicKey })).rejects.toThrow(RangeError);
  });
});
