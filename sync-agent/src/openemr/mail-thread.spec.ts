import { describe, expect, it } from '@jest/globals';
import { convert } from 'html-to-text';
import {
  chainOf,
  chainThreadId,
  mailBody,
  mailTitle,
  threadMails,
  threadMapper,
  titleParts,
  type LinkedMail,
} from './mail-thread.js';

const KEY = Buffer.alloc(32, 7);

const mail = (id: number, mail_chain: number | null, reply_mail_chain: number | null): LinkedMail => ({
  id,
  mail_chain,
  reply_mail_chain,
});
const threads = (...mails: LinkedMail[]): number[][] => threadMails(mails).map((thread) => thread.map(({ id }) => id));

describe('threads of a patient’s copies', () => {
  it('join a reply that carries the conversation’s number', () => {
    expect(threads(mail(1, 1, 1), mail(4, 1, 2), mail(5, 5, 5))).toEqual([[1, 4], [5]]);
  });

  it('join a reply that carries the number of the mail it answers', () => {
    expect(threads(mail(1, 1, 1), mail(4, 1, 2), mail(6, 4, 4), mail(9, 6, 8))).toEqual([[1, 4, 6, 9]]);
  });

  it('join copies that meet only in the other side’s copy', () => {
    expect(threads(mail(11, 11, 10), mail(14, 14, 10))).toEqual([[11, 14]]);
  });

  it('begin with staff’s mail when staff began', () => {
    expect(threads(mail(21, 21, 20), mail(22, 21, 21))).toEqual([[21, 22]]);
  });

  it('keep mails without numbers apart', () => {
    expect(threads(mail(31, 0, 0), mail(32, 0, 0), mail(33, null, null))).toEqual([[31], [32], [33]]);
  });

  it('do not depend on the order of the rows', () => {
    expect(threads(mail(9, 6, 8), mail(6, 4, 4), mail(1, 1, 1), mail(4, 1, 2))).toEqual([[1, 4, 6, 9]]);
  });
});

describe('a conversation that this portal did not begin', () => {
  it('has the same thread id at every render, and another one for every patient and chain', () => {
    expect(chainThreadId(KEY, 1, 10)).toBe(chainThreadId(KEY, 1, 10));
    expect(chainThreadId(KEY, 1, 10)).toMatch(/^[0-9a-f]{32}$/);
    const ids = [
      chainThreadId(KEY, 1, 10),
      chainThreadId(KEY, 2, 10),
      chainThreadId(KEY, 1, 11),
      chainThreadId(Buffer.alloc(32, 8), 1, 10),
    ];
    expect(new Set(ids).size).toBe(4);
  });

  it('keeps its id, topic and subject when the ledger learns of it', () => {
    const mail = { id: 12, mail_chain: 12, title: 'Insurance: your card' };
    const before = threadMapper(KEY, 1, { threads: [], mails: [] })(mail);
    const after = threadMapper(KEY, 1, {
      threads: [{ threadId: before.threadId, firstPatientMailId: 12, topic: before.topic, subject: before.subject }],
      mails: [],
    })(mail);
    expect(after).toEqual(before);
    expect(before).toMatchObject({ topic: 'Insurance', subject: 'your card', submissionId: null });
  });

  it('with an empty or zero chain is the conversation of its own id', () => {
    expect(chainOf({ id: 5, mail_chain: null })).toBe(5);
    expect(chainOf({ id: 5, mail_chain: 0 })).toBe(5);
    expect(chainOf({ id: 5, mail_chain: 2 })).toBe(2);
  });
});

describe('a thread of this portal', () => {
  it('gathers every copy of its chain, and names the submission of the copies it wrote', () => {
    const threadOf = threadMapper(KEY, 1, {
      threads: [{ threadId: 'a'.repeat(32), firstPatientMailId: 20, topic: 'Results', subject: 'HbA1c' }],
      mails: [{ mailId: 20, submissionId: 'first' }],
    });
    expect(threadOf({ id: 20, mail_chain: 20, title: 'Results: HbA1c' })).toEqual({
      threadId: 'a'.repeat(32),
      topic: 'Results',
      subject: 'HbA1c',
      submissionId: 'first',
    });
    expect(threadOf({ id: 31, mail_chain: 20, title: 'changed by staff' })).toMatchObject({
      threadId: 'a'.repeat(32),
      subject: 'HbA1c',
      submissionId: null,
    });
  });
});

describe('what a patient typed', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror="alert(1)">',
    'it\'s & "so" on &amp; <b>',
    'three\nlines\n\nand a gap',
    '😀 日本 שלום',
  ])('is text for OpenEMR and reads back unchanged: %j', (text) => {
    const html = mailBody(text);
    expect(html.replace(/^<p>|<\/p>$|<br>/g, '')).not.toMatch(/[<>]/);
    expect(convert(html, { wordwrap: false, preserveNewlines: false })).toBe(text);
  });

  it('cannot open a tag in the title, which is no longer than its column', () => {
    expect(mailTitle('General', '')).toBe('General');
    expect(mailTitle('General', 'my knee')).toBe('General: my knee');
    expect(mailTitle('General', '<!--<script>')).toBe('General: ‹!--‹script›');
    expect([...mailTitle('General', '😀'.repeat(400))]).toHaveLength(255);
    expect(titleParts('General: my knee')).toEqual({ topic: 'General', subject: 'my knee' });
    expect(titleParts('Insurance')).toEqual({ topic: 'Insurance', subject: '' });
    expect(titleParts('Prior Auth')).toEqual({ topic: 'General', subject: 'Prior Auth' });
  });
});
