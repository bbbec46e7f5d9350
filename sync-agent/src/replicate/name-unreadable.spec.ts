import { describe, expect, it } from '@jest/globals';
import type { UnreadableOfClass } from '../openemr/read-chart.js';
import { nameUnreadable } from './name-unreadable.js';

const row = (key: string, isEntry = true): UnreadableOfClass => ({
  recordClass: isEntry ? 'immunizations' : null,
  read: isEntry ? 'immunizations' : 'users',
  key,
  reason: 'unexpected shape at administered_by_id (invalid_type)',
  isEntry,
});

describe('a row that cannot be read', () => {
  it('is named in the log once for each chart, however often that is rendered, and by nothing of its content', () => {
    const lines: object[] = [];
    const name = nameUnreadable({ warn: (line: object) => lines.push(line) });
    name('aa', [row('7'), row('8')]);
    name('aa', [row('8'), row('7')]);
    name('bb', [row('7')]);
    name('bb', []);
    expect(lines).toEqual(
      [
        ['aa', '7'],
        ['aa', '8'],
        ['bb', '7'],
      ].map(([patientRef, key]) => ({
        msg: 'a row of OpenEMR cannot be read; charts are without it',
        patientRef,
        read: 'immunizations',
        row: key,
        reason: 'unexpected shape at administered_by_id (invalid_type)',
      })),
    );
  });

  it('is named once for all charts when they share it', () => {
    const lines: object[] = [];
    const name = nameUnreadable({ warn: (line: object) => lines.push(line) });
    name('aa', [row('3', false)]);
    name('bb', [row('3', false)]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty('patientRef');
  });
});
