import type { MailRow } from '../openemr/read-messages.js';

/** Mails of one thread, oldest first, the patient's deleted copies too; never empty. */
export type MailThread = readonly [MailRow, ...MailRow[]];

/**
 * Threads of a patient's own copies. OpenEMR chains copies by number: a mail's `mail_chain` and `reply_mail_chain`
 * name itself, the mail it answers, or the other side's copy of that; what shares a number belongs together.
 */
export function threadMails(mails: readonly MailRow[]): MailThread[] {
  const leader = new Map<number, number>();
  const find = (number: number): number => {
    let current = number;
    for (let next = leader.get(current) ?? current; next !== current; next = leader.get(current) ?? current) {
      current = next;
    }
    return current;
  };
  const join = (a: number, b: number): void => {
    const [low, high] = [find(a), find(b)].sort((x, y) => x - y);
    leader.set(high ?? a, low ?? b);
  };
  for (const mail of mails) {
    for (const number of [mail.mail_chain, mail.reply_mail_chain].filter((each) => each > 0)) {
      join(mail.id, number);
    }
  }
  const threads = new Map<number, MailThread>();
  for (const mail of [...mails].sort((a, b) => a.id - b.id)) {
    const head = find(mail.id);
    const begun = threads.get(head);
    threads.set(head, begun === undefined ? [mail] : [...begun, mail]);
  }
  return [...threads.values()];
}
