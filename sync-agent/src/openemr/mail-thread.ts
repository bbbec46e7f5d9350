import { createHmac } from 'node:crypto';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { TOPICS, type Topic } from 'sync-contract/submission';

/**
 * A conversation in OpenEMR's portal mail has a number on each side: all copies that the patient owns carry one
 * `mail_chain`, all copies that the staff member owns another. A thread of ours is the patient's number.
 */
export interface MailChains {
  patient: number;
  staff: number;
}

/** The columns of a copy in `onsite_mail` that say to which conversation it belongs. */
export interface ChainedMail {
  id: number;
  mail_chain: number | null;
}

/** The columns that join copies. */
export interface LinkedMail extends ChainedMail {
  reply_mail_chain: number | null;
}

/** Copies of one conversation, oldest first, removed ones too; never empty. */
export type MailThread<Mail> = readonly [Mail, ...Mail[]];

/**
 * Conversations of the copies that one person owns, for whoever reads or writes them. A mail's `mail_chain` and
 * `reply_mail_chain` name itself, the mail it answers, or the other side's copy of that; what shares a number belongs
 * together. Which conversation it is says its first mail: later copies may carry numbers of their own.
 */
export function threadMails<Mail extends LinkedMail>(mails: readonly Mail[]): MailThread<Mail>[] {
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
    for (const number of [mail.mail_chain, mail.reply_mail_chain]) {
      if (number !== null && number > 0) {
        join(mail.id, number);
      }
    }
  }
  const threads = new Map<number, MailThread<Mail>>();
  for (const mail of [...mails].sort((a, b) => a.id - b.id)) {
    const head = find(mail.id);
    const begun = threads.get(head);
    threads.set(head, begun === undefined ? [mail] : [...begun, mail]);
  }
  return [...threads.values()];
}

/** OpenEMR's screens take a chain of 0 for "its own id"; rows of other programs leave it empty. */
export function chainOf(mail: ChainedMail): number {
  return mail.mail_chain === null || mail.mail_chain === 0 ? mail.id : mail.mail_chain;
}

/**
 * Thread id of a conversation that this portal did not begin (staff did, or OpenEMR's own portal), 32 hex digits.
 * The same for ever, so that the patient's answer finds the conversation again.
 * @param resourceIdKey the ledger's key for ids of resources
 * @param patientChain `chainOf` a copy that the patient owns
 */
export function chainThreadId(resourceIdKey: Uint8Array, pid: number, patientChain: number): string {
  return createHmac('sha256', resourceIdKey)
    .update(canonicalBytes(['onsite_mail-thread', { pid, chain: patientChain }]))
    .digest('hex')
    .slice(0, 32);
}

/** What the ledger knows of a patient's threads: rows of `thread` and `thread_mail`. */
export interface KnownThreads {
  threads: readonly { threadId: string; firstPatientMailId: number | null; topic: string; subject: string }[];
  mails: readonly { mailId: number; submissionId: string | null }[];
}

export interface ThreadOfMail {
  threadId: string;
  topic: string;
  subject: string;
  /** the submission this portal wrote the copy for */
  submissionId: string | null;
}

/** For one patient: which thread a copy that the patient owns belongs to, and what the thread is about. Pure. */
export function threadMapper(
  resourceIdKey: Uint8Array,
  pid: number,
  known: KnownThreads,
): (mail: ChainedMail & { title: string | null }) => ThreadOfMail {
  const threads = new Map(known.threads.map((thread) => [thread.firstPatientMailId, thread]));
  const submissions = new Map(known.mails.map((mail) => [mail.mailId, mail.submissionId]));
  return (mail) => {
    const chain = chainOf(mail);
    const thread = threads.get(chain);
    const { topic, subject } = thread ?? titleParts(mail.title ?? '');
    return {
      threadId: thread?.threadId ?? chainThreadId(resourceIdKey, pid, chain),
      topic,
      subject,
      submissionId: submissions.get(mail.id) ?? null,
    };
  };
}

const TITLE_CHARACTERS = 255;

/**
 * OpenEMR has one line for both: its `title` is free text with words like "General" to choose from, and what staff see
 * in their list. Angle brackets become look-alikes because OpenEMR's page carries titles inside a script, where an
 * opening tag from a patient could swallow the page.
 */
export function mailTitle(topic: string, subject: string): string {
  const title = subject === '' ? topic : `${topic}: ${subject}`;
  const shown = title.replaceAll('<', '‹').replaceAll('>', '›');
  return [...shown].slice(0, TITLE_CHARACTERS).join('');
}

/** The reverse for a conversation that this portal did not begin; a title of staff's own words is a subject. */
export function titleParts(title: string): { topic: Topic; subject: string } {
  for (const topic of TOPICS) {
    if (title === topic || title.startsWith(`${topic}: `)) {
      return { topic, subject: title.slice(topic.length + 2) };
    }
  }
  return { topic: 'General', subject: title };
}

const MARKUP: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#039;' };

/** Body as OpenEMR's rich-text editor would write what was typed: one paragraph, every line end a `<br>`, no markup. */
export function mailBody(text: string): string {
  const escaped = text.replace(/[&<>"']/g, (sign) => MARKUP[sign] ?? sign);
  return `<p>${escaped.replaceAll('\n', '<br>')}</p>`;
}
