import { describe, expect, it } from '@jest/globals';
import { LIMITS } from './limits.js';
import {
  CcdRequestPayload,
  MessagePayload,
  RESERVED_SUBMISSION_KINDS,
  ReleaseWishPayload,
  SUBMISSION_KINDS,
  assertSubmissionKind,
  ccdRequestStream,
  releaseWishStream,
} from './submission.js';

const message = {
  threadId: 'c'.repeat(32),
  topic: 'General',
  subject: 'Question',
  body: 'Hello',
  writtenAt: '2026-11-22T10:00:00.000Z',
};
const withBody = (body: unknown) => MessagePayload.safeParse({ ...message, body });

describe('a message', () => {
  it('has 1 to 20,000 characters, counted as people count them', () => {
    expect(withBody('').success).toBe(false);
    expect(withBody(' \n\t ').success).toBe(false);
    expect(withBody('x').success).toBe(true);
    expect(withBody('x'.repeat(LIMITS.messageCharacters)).success).toBe(true);
    expect(withBody('😀'.repeat(LIMITS.messageCharacters)).success).toBe(true);
    expect(withBody('x'.repeat(LIMITS.messageCharacters + 1)).success).toBe(false);
    expect(withBody('x'.repeat(100_000)).success).toBe(false);
  });

  it('keeps markup and every script as plain text, with line ends made one kind', () => {
    expect(withBody('<b>bold</b>\r\n& שלום مرحبا\u200F').data?.body).toBe('<b>bold</b>\n& שלום مرحبا\u200F');
  });

  it.each(['\u0000', '\u0007', '\u001B[31m', '\u202E', '\u2066', '\uFEFFx\u0001', '\uD800'])(
    'with the character %j is refused, not silently changed',
    (character) => {
      const parsed = withBody(`before ${character} after`);
      expect(parsed.success).toBe(false);
      expect(JSON.stringify(parsed.error?.issues)).not.toContain('before');
    },
  );

  it('takes no field it does not know and no foreign type', () => {
    expect(MessagePayload.safeParse({ ...message, pid: 7 }).success).toBe(false);
    expect(withBody(['Hello']).success).toBe(false);
    expect(MessagePayload.safeParse({ ...message, threadId: '../x' }).success).toBe(false);
    expect(MessagePayload.safeParse({ ...message, subject: 'two\nlines' }).success).toBe(false);
  });
});

describe('a wish about new results', () => {
  const wish = (wanted: object): boolean =>
    ReleaseWishPayload.safeParse({ wishedAt: '2026-11-23T10:00:00.000Z', resultId: null, ...wanted }).success;

  it('names a result when one shall be shown, and never else', () => {
    const resultId = 'ab'.repeat(16);
    expect([{ wish: 'wait' }, { wish: 'at-once' }, { wish: 'show', resultId }].every(wish)).toBe(true);
    expect(
      [{ wish: 'show' }, { wish: 'wait', resultId }, { wish: 'show', resultId: 'x' }, { wish: 'never' }].some(wish),
    ).toBe(false);
  });

  it('is of one stream for each chart, which no other chart has', () => {
    const streams = ['a1', 'b2', 'a1'].map((each) => releaseWishStream(each.repeat(16)));
    expect(streams[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(streams).size).toBe(2);
  });
});

describe('a request for a C-CDA', () => {
  const request = (wanted: object): boolean =>
    CcdRequestPayload.safeParse({ requestedAt: '2026-11-23T10:00:00.000Z', from: null, to: null, ...wanted }).success;

  it('spans all of the chart, or days that begin before they end', () => {
    const day = '2026-02-28';
    expect([{}, { from: day }, { to: day }, { from: day, to: day }].every(request)).toBe(true);
    expect(
      [{ from: day, to: '2026-02-27' }, { from: '2026-02-30' }, { to: `${day}T00:00:00Z` }, { type: 'ccd' }].some(
        request,
      ),
    ).toBe(false);
  });

  it('is of one stream for each chart, which is not that of its wishes', () => {
    const [first, second] = ['a1'.repeat(16), 'b2'.repeat(16)] as const;
    const streams = [ccdRequestStream(first), ccdRequestStream(second), releaseWishStream(first)];
    expect(new Set(streams).size).toBe(3);
    expect(ccdRequestStream(first)).toBe(streams[0]);
  });
});

describe('kinds of submissions', () => {
  it('are delivered, reserved with a sentence, or unknown', () => {
    for (const kind of SUBMISSION_KINDS) {
      expect(assertSubmissionKind(kind)).toBe(kind);
    }
    for (const kind of RESERVED_SUBMISSION_KINDS) {
      expect(() => assertSubmissionKind(kind)).toThrow(`submissions of kind ${kind} are not supported yet`);
    }
    expect(() => assertSubmissionKind('constructor')).toThrow('not known');
  });
});
