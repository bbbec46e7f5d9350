import type { ThreadContent, ThreadsContent } from 'sync-contract/section-content';
import { threadMails, type MailThread, type ThreadOfMail } from '../openemr/mail-thread.js';
import type { MailRow, MessageRows } from '../openemr/read-messages.js';
import type { ClinicTime } from './clinic-time.js';
import { mailText } from './mail-text.js';
import type { ResourceIds } from './resource-id.js';

export interface MessageContext {
  ids: ResourceIds;
  time: ClinicTime;
  /** what the ledger knows of a copy that the patient owns: its thread, and the submission it came from */
  threadOf(mail: MailRow): ThreadOfMail;
}

export interface RenderedMessages {
  index: ThreadsContent;
  threads: ThreadContent[];
  /** mails whose date cannot be read, shown with a stand-in */
  skipped: number;
}

const EXCERPT_CHARACTERS = 140;
const ENCRYPTED = 'This message is encrypted in the records of the practice and cannot be shown here.';

type Message = ThreadContent['messages'][number];

/** Threads with at least one mail the patient has not deleted, newest first. */
export function renderMessages(rows: MessageRows, context: MessageContext): RenderedMessages {
  const instants = readInstants(rows.mails, context.time);
  const rendered = threadMails(rows.mails).map((thread) =>
    renderThread(thread, rows.portalUsername, instants, context),
  );
  const threads = rendered.filter(({ content }) => content.messages.length > 0).sort(newestFirst);
  return {
    index: { threads: threads.map(({ content, unread }) => summary(content, unread)) },
    threads: threads.map(({ content }) => content),
    skipped: rendered.reduce((sum, { skipped }) => sum + skipped, 0),
  };
}

interface RenderedThread {
  content: ThreadContent;
  unread: number;
  skipped: number;
}

function newestFirst(a: RenderedThread, b: RenderedThread): number {
  const [at, bt] = [a, b].map(({ content }) => content.messages.at(-1)?.sentAt ?? '');
  return compare(bt ?? '', at ?? '') || compare(a.content.threadId, b.content.threadId);
}

interface Instant {
  sentAt: string;
  /** not the mail's own, which cannot be read */
  standIn: boolean;
}

const NO_DATE_AT_ALL = '1970-01-01T00:00:00.000Z';

/**
 * When each mail was sent. OpenEMR numbers mails as they are written, so one whose date cannot be read was sent about
 * when the readable one before it was, else the one after it: a wrong minute is better than a missing message.
 */
function readInstants(mails: readonly MailRow[], time: ClinicTime): ReadonlyMap<number, Instant> {
  const ordered = [...mails].sort((a, b) => a.id - b.id).map(({ id, date }) => ({ id, own: time.instant(date) }));
  let nearest = ordered.find(({ own }) => own !== undefined)?.own ?? NO_DATE_AT_ALL;
  return new Map(
    ordered.map(({ id, own }) => {
      nearest = own ?? nearest;
      return [id, { sentAt: nearest, standIn: own === undefined }];
    }),
  );
}

/** Messages stand in the order of their numbers: wall clocks go back an hour when daylight saving ends. */
function renderThread(
  thread: MailThread<MailRow>,
  portalUsername: string | null,
  instants: ReadonlyMap<number, Instant>,
  context: MessageContext,
): RenderedThread {
  const { threadId, topic, subject } = context.threadOf(thread[0]);
  const shown = thread
    .filter((mail) => mail.deleted !== 1 && mail.message_status !== 'Delete')
    .map((mail) => {
      const { sentAt, standIn } = instants.get(mail.id) ?? { sentAt: NO_DATE_AT_ALL, standIn: true };
      const message = renderMessage(mail, sentAt, portalUsername, context);
      return { message, standIn, isNew: mail.message_status === 'New' };
    });
  return {
    content: {
      threadId,
      topic: singleLine(topic) || 'General',
      subject: singleLine(subject),
      messages: shown.map(({ message }) => message),
    },
    unread: shown.filter(({ message, isNew }) => isNew && message.from === 'practice').length,
    skipped: shown.filter(({ standIn }) => standIn).length,
  };
}

function renderMessage(mail: MailRow, sentAt: string, portalUsername: string | null, context: MessageContext): Message {
  return {
    id: context.ids.id('onsite_mail', mail.id),
    from: mail.sender_id === portalUsername ? 'patient' : 'practice',
    senderName: mailText(mail.sender_name),
    sentAt,
    body: mail.is_msg_encrypted === 1 ? ENCRYPTED : mailText(mail.body),
    submissionId: context.threadOf(mail).submissionId,
  };
}

const singleLine = (text: string): string => mailText(text).replace(/\s+/g, ' ');
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function summary(thread: ThreadContent, unread: number): ThreadsContent['threads'][number] {
  const newest = thread.messages.at(-1);
  return {
    threadId: thread.threadId,
    topic: thread.topic,
    subject: thread.subject,
    messages: thread.messages.length,
    unread,
    lastAt: newest?.sentAt ?? '',
    lastFrom: newest?.from ?? 'practice',
    excerpt: [...(newest?.body.replace(/\s+/g, ' ') ?? '')].slice(0, EXCERPT_CHARACTERS).join(''),
  };
}
