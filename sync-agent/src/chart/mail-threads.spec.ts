import { describe, expect, it } from '@jest/globals';
import type { MailRow } from '../openemr/read-messages.js';
import { threadMails } from './mail-threads.js';

const mail = (id: number, mail_chain: number, reply_mail_chain: number): MailRow => ({
  id,
  date: '2026-11-22 05:16:02',
  owner: 'Alice1',
  sender_id: 'Alice1',
  sender_name: 'Alice',
  title: 'General',
  body: '',
  deleted: 0,
  message_status: 'New',
  mail_chain,
  reply_mail_chain,
  is_msg_encrypted: 0,
});
const threads = (...mails: MailRow[]): number[][] => threadMails(mails).map((thread) => thread.map(({ id }) => id));

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
    expect(threads(mail(31, 0, 0), mail(32, 0, 0))).toEqual([[31], [32]]);
  });

  it('do not depend on the order of the rows', () => {
    expect(threads(mail(9, 6, 8), mail(6, 4, 4), mail(1, 1, 1), mail(4, 1, 2))).toEqual([[1, 4, 6, 9]]);
  });
});
