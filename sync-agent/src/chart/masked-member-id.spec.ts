import { describe, expect, it } from '@jest/globals';
import { maskedMemberId } from './masked-member-id.js';

describe('a member id leaves the practice', () => {
  it.each([
    ['XYZ123456789', '••••6789'],
    ['POL5009', '••••5009'],
    ['XYZ 12 34 56', '••••3456'],
    ['12345', '••••45'],
    ['123', '••••'],
    ['', ''],
    ['a😀b😀c😀d😀', '••••c😀d😀'],
  ])('of %p as %p', (memberId, masked) => {
    expect(maskedMemberId(memberId)).toBe(masked);
  });
});
