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
});
