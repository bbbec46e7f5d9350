import { describe, expect, it } from '@jest/globals';
import { LIMITS } from './limits.js';
import { MessagePayload, RESERVED_SUBMISSION_KINDS, SUBMISSION_KINDS, assertSubmissionKind } from './submission.js';

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
