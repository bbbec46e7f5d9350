import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  InviteCodeMistyped,
  formatInviteCode,
  inviteLookup,
  inviteProof,
  inviteProofHolds,
  newInviteCode,
  parseInviteCode,
} from './invite.js';

describe('an invite code', () => {
  it('survives printing and typing in lower case, without hyphens, with look-alikes', () => {
    for (let round = 0; round < 200; round += 1) {
      const code = newInviteCode();
      const printed = formatInviteCode(code);
      expect(printed).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){6}[0-9A-HJKMNP-TV-Z]{5}$/);
      for (const typed of [
        printed,
        printed.toLowerCase(),
        printed.replace(/-/g, ' '),
        printed.replace(/0/g, 'O').replace(/1/g, 'l'),
      ]) {
        expect(parseInviteCode(typed)).toEqual(code);
      }
    }
  });

  it('with one wrong symbol is recognised as mistyped', () => {
    const printed = formatInviteCode(newInviteCode()).replace(/-/g, '');
    fc.assert(
      fc.property(fc.nat(34), fc.constantFrom(...Array.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ')), (place, symbol) => {
        fc.pre(printed[place] !== symbol);
        const typed = printed.slice(0, place) + symbol + printed.slice(place + 1);
        expect(() => parseInviteCode(typed)).toThrow(InviteCodeMistyped);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['', 'ABC', 'U'.repeat(35), '0'.repeat(36), '<script>'])('%p is mistyped', (typed) => {
    expect(() => parseInviteCode(typed)).toThrow(InviteCodeMistyped);
  });

  it('is never rubbish that happens to parse with another length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (typed) => {
        try {
          expect(parseInviteCode(typed).secret).toHaveLength(16);
        } catch (error: unknown) {
          expect(error).toBeInstanceOf(InviteCodeMistyped);
        }
      }),
    );
  });
});

describe('the invite proof', () => {
  const terms = {
    site: '3f0c2c8e-8b1f-4b62-9d0e-0a4d3a0f6a11',
    inviteId: '0123456789',
    accountRef: 'a'.repeat(32),
    publicKey: 'A'.repeat(43),
  };

  it('holds for exactly these terms and this secret', () => {
    const { secret } = newInviteCode();
    const proof = inviteProof(secret, terms);
    expect(inviteProofHolds(secret, terms, proof)).toBe(true);
    expect(inviteProofHolds(newInviteCode().secret, terms, proof)).toBe(false);
    for (const field of ['site', 'inviteId', 'accountRef', 'publicKey'] as const) {
      expect(inviteProofHolds(secret, { ...terms, [field]: `${terms[field]}x` }, proof)).toBe(false);
    }
    expect(inviteProofHolds(secret, terms, '')).toBe(false);
  });

  it('cannot be made from what the DMZ keeps', () => {
    const { secret } = newInviteCode();
    const kept = Buffer.from(inviteLookup(secret), 'hex');
    expect(inviteProof(kept, terms)).not.toBe(inviteProof(secret, terms));
  });
});
