import { describe, expect, it } from '@jest/globals';
import { LIMITS } from 'sync-contract/limits';
import { parseBoundedJson } from './bounded-json.js';
import { Transient } from './gateway-failures.js';

const nested = (depth: number): Buffer => Buffer.from('['.repeat(depth) + ']'.repeat(depth));

describe('JSON of a stranger', () => {
  it('is read up to the limit of depth and refused beyond it, before it is parsed', () => {
    expect(parseBoundedJson(nested(LIMITS.jsonDepth))).toBeInstanceOf(Array);
    expect(() => parseBoundedJson(nested(LIMITS.jsonDepth + 1))).toThrow(Transient);
    expect(() => parseBoundedJson(nested(3_000_000))).toThrow(Transient);
  });

  it('may have any number of brackets in its texts', () => {
    const text = `${'[{'.repeat(500)}\\""`;
    expect(parseBoundedJson(Buffer.from(JSON.stringify({ text })))).toEqual({ text });
  });

  it.each(['', '{', '{"a":1}x', 'nul', '{"__proto__":{"admin":true}}', '{"a":{"\\u005f_proto__":1}}'])(
    'is refused when it is %p',
    (text) => {
      expect(() => parseBoundedJson(Buffer.from(text))).toThrow(Transient);
    },
  );

  it('is refused when it is not UTF-8', () => {
    expect(() => parseBoundedJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toThrow(Transient);
  });
});
