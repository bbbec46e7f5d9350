import { describe, expect, it } from '@jest/globals';
import type { OwnCopyView } from 'portal-api/http';
import { mergeConversation, mergeThreads } from './conversation.js';
import type { ThreadContent, ThreadSummary } from './section-content.js';

const copy = (submissionId: string, createdAt: string, stream = 't1'): OwnCopyView => ({
  submissionId,
  kind: 'message',
  stream,
  createdAt,
  state: 'saved',
  payload: {
    threadId: stream,
    topic: 'General',
    subject: 'New',
    body: `body of ${submissionId}`,
    writtenAt: createdAt,
  },
});

const thread: ThreadContent = {
  threadId: 't1',
  topic: 'General',
  subject: 'Subject',
  messages: [
    { id: 'm1', from: 'patient', senderName: 'P', sentAt: '2026-01-01T10:00:00.000Z', body: 'one', submissionId: 's1' },
    {
      id: 'm2',
      from: 'practice',
      senderName: 'D',
      sentAt: '2026-01-01T11:00:00.000Z',
      body: 'two',
      submissionId: null,
    },
  ],
};

describe('a conversation', () => {
  it('has every submission once: from the chart when the chart has it, else the own copy, behind it', () => {
    const copies = [
      copy('s3', '2026-01-03T10:00:00.000Z'),
      copy('s1', '2026-01-01T10:00:00.000Z'),
      copy('s2', '2026-01-02T10:00:00.000Z'),
    ];
    expect(mergeConversation(thread, copies, []).map(({ key }) => key)).toEqual(['s1', 'm2', 's2', 's3']);
  });

  it('keeps the key of a message when it moves from copy to chart', () => {
    const before = mergeConversation(null, [copy('s1', '2026-01-01T10:00:00.000Z')], []);
    expect(before[0]?.key).toBe(mergeConversation(thread, [], [])[0]?.key);
  });

  it('says where each own message is, by the furthest word that has come', () => {
    const waiting = [copy('s2', '2026-01-02T10:00:00.000Z')];
    const receipt = { submissionId: 's2', kind: 'message' as const, at: '2026-01-02T10:00:01.000Z' };
    const stateOfLast = (...args: Parameters<typeof mergeConversation>): string | undefined =>
      mergeConversation(...args).at(-1)?.receipt?.state;
    expect(stateOfLast(thread, waiting, [])).toBe('saved');
    expect(stateOfLast(thread, waiting, [], [{ ...receipt, state: 'collected' }])).toBe('collected');
    expect(stateOfLast(thread, waiting, [{ ...receipt, state: 'refused', reason: 'no' }])).toBe('refused');
    expect(mergeConversation(thread, [], []).map(({ receipt: each }) => each?.state)).toEqual([
      'with-staff',
      undefined,
    ]);
  });
});

describe('the list of conversations', () => {
  const summary: ThreadSummary = {
    threadId: 't1',
    topic: 'Results',
    subject: 'Subject',
    messages: 2,
    unread: 1,
    lastAt: '2026-01-01T11:00:00.000Z',
    lastFrom: 'practice',
    excerpt: 'two',
  };

  it('puts new own messages on their threads and threads of their own on top, newest first', () => {
    const rows = mergeThreads(
      [summary],
      [copy('s2', '2026-01-02T10:00:00.000Z'), copy('s9', '2026-01-05T10:00:00.000Z', 't9')],
    );
    expect(
      rows.map(({ threadId, messages, lastFrom, underWay, unread }) => [
        threadId,
        messages,
        lastFrom,
        underWay,
        unread,
      ]),
    ).toEqual([
      ['t9', 1, 'patient', true, 0],
      ['t1', 3, 'patient', true, 1],
    ]);
    expect(rows[1]?.subject).toBe('Subject');
  });
});
