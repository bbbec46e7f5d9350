import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { keyCandidates } from './key-candidates.js';

const offered = (key: Buffer, bytes: Buffer): boolean =>
  keyCandidates([{ place: 'test', bytes }]).has(key.toString('hex'));

describe('the candidates for keys', () => {
  it.each([16, 32])('hold a value of %i bytes in every form and place that a thief would try', (length) => {
    for (let round = 0; round < 20; round += 1) {
      const key = randomBytes(length);
      const texts = [
        key.toString('hex'),
        key.toString('hex').toUpperCase(),
        key.toString('base64'),
        key.toString('base64url'),
      ];
      expect(offered(key, key)).toBe(true);
      for (const text of texts) {
        for (const around of [
          text,
          `${text}\n`,
          `{"a":1,"key":"${text}","b":2}`,
          `KEY=${text}`,
          `level=info msg="x" ${text} end`,
          `0${'\0'.repeat(5000)}${text}\0`,
        ]) {
          expect(offered(key, Buffer.from(around, 'latin1'))).toBe(true);
        }
      }
    }
  });

  it('hold a raw value that is followed by the end of a line', () => {
    const key = Buffer.from('0123456789abcdef0123456789ABCDEF', 'hex');
    expect(offered(key, Buffer.concat([key, Buffer.from('\n')]))).toBe(true);
  });

  it('hold hex after a name and a dash, and each value once', () => {
    // Without the end of a line in it, whose two sides would be values of their own.
    const key = Buffer.from(Array.from({ length: 32 }, (_, index) => 0x80 + index));
    const text = `session-${key.toString('hex')} session-${key.toString('hex')}`;
    expect(offered(key, Buffer.from(text))).toBe(true);
    const all = keyCandidates([
      { place: 'one', bytes: key },
      { place: 'two', bytes: key },
    ]);
    expect(all.size).toBe(1);
    expect(all.get(key.toString('hex'))?.place).toBe('one');
  });
});
