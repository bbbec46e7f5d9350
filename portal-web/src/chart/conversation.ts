import type { OwnCopyView, ReceiptView } from 'portal-api/http';
import type { ReceiptState, SectionReceipt, ThreadContent, ThreadSummary } from './section-content.js';

export interface ConversationMessage {
  key: string;
  from: 'patient' | 'practice';
  senderName: string | null;
  at: string;
  body: string;
  /** null for what the practice wrote and for what was not sent through this portal */
  receipt: { state: ReceiptState; at: string | null; reason: string | null } | null;
}

/**
 * A thread as one list, oldest first: what the signed section says, then the sender's own copies that the section does
 * not contain yet. A submission appears once: as soon as the section has it, its copy is left out, whichever of the two
 * answers came first.
 */
export function mergeConversation(
  thread: ThreadContent | null,
  copies: OwnCopyView[],
  receipts: SectionReceipt[],
  early: ReceiptView[] = [],
): ConversationMessage[] {
  const stateOf = new Map(receipts.map((receipt) => [receipt.submissionId, receipt]));
  const earlyOf = new Map(early.map((receipt) => [receipt.submissionId, receipt]));
  const inChart = new Set(thread?.messages.flatMap((message) => message.submissionId ?? []) ?? []);
  const charted = (thread?.messages ?? []).map((message): ConversationMessage => {
    const receipt = message.submissionId === null ? undefined : stateOf.get(message.submissionId);
    return {
      key: message.submissionId ?? message.id,
      from: message.from,
      senderName: message.senderName,
      at: message.sentAt,
      body: message.body,
      receipt:
        message.from === 'practice' || message.submissionId === null
          ? null
          : receipt === undefined
            ? { state: 'with-staff', at: null, reason: null }
            : { state: receipt.state, at: receipt.at, reason: receipt.reason },
    };
  });
  const waiting = copies
    .filter((copy) => !inChart.has(copy.submissionId))
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
    .map((copy): ConversationMessage => {
      const receipt = stateOf.get(copy.submissionId);
      const state = earlyOf.get(copy.submissionId);
      return {
        key: copy.submissionId,
        from: 'patient',
        senderName: null,
        at: copy.createdAt,
        body: copy.payload.body,
        receipt: {
          state: receipt?.state ?? (state?.state === 'collected' ? 'collected' : copy.state),
          at: receipt?.at ?? state?.at ?? copy.createdAt,
          reason: receipt?.reason ?? null,
        },
      };
    });
  return [...charted, ...waiting];
}

export interface ThreadRow {
  threadId: string;
  topic: string;
  subject: string;
  messages: number;
  unread: number;
  lastAt: string;
  lastFrom: 'patient' | 'practice';
  excerpt: string;
  /** something sent by this account is not in the chart yet */
  underWay: boolean;
}

/** All threads, newest first, with those that so far exist only as the sender's own copies. */
export function mergeThreads(threads: ThreadSummary[], copies: OwnCopyView[]): ThreadRow[] {
  const rows = new Map(threads.map((thread) => [thread.threadId, { ...thread, underWay: false }]));
  for (const copy of [...copies].sort((a, b) => a.createdAt.localeCompare(b.createdAt))) {
    const known = rows.get(copy.stream);
    const newer = known === undefined || copy.createdAt > known.lastAt;
    rows.set(copy.stream, {
      threadId: copy.stream,
      topic: known?.topic ?? copy.payload.topic,
      subject: known?.subject ?? copy.payload.subject,
      messages: (known?.messages ?? 0) + 1,
      unread: known?.unread ?? 0,
      lastAt: newer ? copy.createdAt : known.lastAt,
      lastFrom: newer ? 'patient' : known.lastFrom,
      excerpt: newer ? [...copy.payload.body].slice(0, 140).join('') : known.excerpt,
      underWay: true,
    });
  }
  return [...rows.values()].sort((a, b) => b.lastAt.localeCompare(a.lastAt));
}
