import { describe, expect, it } from '@jest/globals';
import type { AccessEntryView } from 'portal-api/http';
import { accessDays } from './access-history.js';

const dayOf = (instant: string): string => instant.slice(0, 10);
const entry = (at: string, changes: Partial<AccessEntryView> = {}): AccessEntryView => ({
  at: `2026-11-${at}:00.000Z`,
  action: 'chart-read',
  outcome: 'ok',
  who: 'you',
  patientRef: 'a'.repeat(32),
  recordClass: 'results',
  documentId: null,
  address: '192.0.2.7',
  thisSession: false,
  ...changes,
});

describe('the access history', () => {
  it('puts what one visit looked at together, each part once, and counts every entry', () => {
    const [day, ...others] = accessDays(
      [
        entry('03T10:09', { recordClass: null }),
        entry('03T10:08', { recordClass: 'medications' }),
        entry('03T10:07'),
        entry('03T10:06', { action: 'sign-in', recordClass: null }),
        entry('03T10:00'),
      ],
      dayOf,
    );
    expect(others).toEqual([]);
    expect(day?.accesses).toMatchObject([
      {
        action: 'chart-read',
        count: 4,
        recordClasses: ['results', 'medications'],
        unnamed: 1,
        last: '2026-11-03T10:09:00.000Z',
        first: '2026-11-03T10:00:00.000Z',
      },
      { action: 'sign-in', count: 1 },
    ]);
  });

  it('names each document of one visit once', () => {
    const opened = (at: string, documentId: string): AccessEntryView =>
      entry(at, { action: 'document-view', recordClass: null, documentId });
    const [day] = accessDays([opened('03T10:02', 'b'), opened('03T10:01', 'a'), opened('03T10:00', 'b')], dayOf);
    expect(day?.accesses).toMatchObject([{ count: 3, documents: ['a', 'b'] }]);
  });

  it.each<[string, AccessEntryView]>([
    ['after a pause', entry('03T09:44')],
    ['on another day', entry('02T23:59')],
    ['of somebody else', entry('03T10:00', { who: 'another' })],
    ['from another address', entry('03T10:00', { address: '192.0.2.8' })],
    ['of another chart', entry('03T10:00', { patientRef: 'b'.repeat(32) })],
    ['that was refused', entry('03T10:00', { outcome: 'refused' })],
    ['of another session', entry('03T10:00', { thisSession: true })],
    ['of another kind', entry('03T10:00', { action: 'document-view' })],
  ])('keeps an access %s apart', (_what, other) => {
    const days = accessDays([entry('03T10:00'), other], dayOf);
    expect(days.flatMap(({ accesses }) => accesses.map(({ count }) => count))).toEqual([1, 1]);
  });

  it('has each day once, also where times do not follow the log', () => {
    const days = accessDays(
      [entry('03T00:01'), entry('02T23:59'), entry('03T00:00'), entry('02T23:58'), entry('03T18:00')],
      dayOf,
    );
    expect(days).toMatchObject([
      {
        day: '2026-11-03',
        accesses: [
          { count: 2, first: '2026-11-03T00:00:00.000Z', last: '2026-11-03T00:01:00.000Z' },
          { count: 1, first: '2026-11-03T18:00:00.000Z', last: '2026-11-03T18:00:00.000Z' },
        ],
      },
      { day: '2026-11-02', accesses: [{ count: 2, first: '2026-11-02T23:58:00.000Z' }] },
    ]);
    const [day] = accessDays([entry('03T10:00'), entry('03T10:05')], dayOf);
    expect(day?.accesses).toMatchObject([{ first: '2026-11-03T10:00:00.000Z', last: '2026-11-03T10:05:00.000Z' }]);
  });

  describe('of a password that was accepted', () => {
    const signIn = entry('03T10:00', { action: 'sign-in', recordClass: null });
    const password = (at: string, changes: Partial<AccessEntryView> = {}): AccessEntryView =>
      entry(at, { action: 'sign-in-password', recordClass: null, ...changes });
    const shown = (...entries: AccessEntryView[]): string[] =>
      accessDays(entries, dayOf)
        .flatMap(({ accesses }) => accesses)
        .map(({ action, last, address }) => `${action} ${last.slice(11, 16)} ${String(address)}`);
    const signedIn = 'sign-in 10:00 192.0.2.7';

    it.each<[string, AccessEntryView]>([
      ['from the same address', password('03T09:59')],
      ['from another address, as on the way', password('03T09:59', { address: '192.0.2.8' })],
      ['before midnight', { ...password('03T09:59'), at: '2026-11-02T23:59:00.000Z' }],
    ])('says nothing when it led to a sign-in %s', (_what, step) => {
      const at = step.at.startsWith('2026-11-02') ? '2026-11-03T00:01:00.000Z' : signIn.at;
      expect(shown({ ...signIn, at }, step)).toEqual([`sign-in ${at.slice(11, 16)} 192.0.2.7`]);
    });

    it.each<[string, AccessEntryView[], string[]]>([
      ['alone', [password('03T10:00')], ['sign-in-password 10:00 192.0.2.7']],
      ['long before a sign-in', [signIn, password('03T09:50')], [signedIn, 'sign-in-password 09:50 192.0.2.7']],
      ['after a sign-in', [password('03T10:01'), signIn], ['sign-in-password 10:01 192.0.2.7', signedIn]],
      [
        'between the two steps of somebody else',
        [signIn, password('03T09:59', { address: '198.51.100.9' }), password('03T09:58')],
        [signedIn, 'sign-in-password 09:59 198.51.100.9'],
      ],
      [
        'once more than was signed in',
        [signIn, password('03T09:59'), password('03T09:58')],
        [signedIn, 'sign-in-password 09:58 192.0.2.7'],
      ],
      [
        'before a wrong code',
        [{ ...signIn, outcome: 'failed' }, password('03T09:59')],
        [signedIn, 'sign-in-password 09:59 192.0.2.7'],
      ],
    ])('keeps its line when it stands %s', (_what, entries, lines) => {
      expect(shown(...entries)).toEqual(lines);
    });
  });
});
