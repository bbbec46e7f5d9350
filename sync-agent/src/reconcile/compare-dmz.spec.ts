import { describe, expect, it } from '@jest/globals';
import { DmzTally } from './compare-dmz.js';
import { NOTED_AT_ONCE } from './note-differences.js';

describe('differences with the DMZ', () => {
  it('of one chart leave room in the list for those of the others, and all are counted', () => {
    const tally = new DmzTally();
    const [one, other] = ['1'.repeat(32), '2'.repeat(32)];
    for (let n = 0; n < NOTED_AT_ONCE; n += 1) {
      tally.find({ patientRef: one, recordClass: 'documents', difference: 'document-missing' });
    }
    tally.find({ patientRef: other, recordClass: 'profile', difference: 'section-missing' });
    expect(tally.differing.map(({ patientRef, difference }) => [patientRef, difference])).toEqual([
      [one, 'document-missing'],
      [other, 'section-missing'],
    ]);
    expect(tally.found).toEqual({ 'document-missing': NOTED_AT_ONCE, 'section-missing': 1 });
  });

  it('are listed up to a number', () => {
    const tally = new DmzTally();
    for (let n = 0; n < NOTED_AT_ONCE + 5; n += 1) {
      const patientRef = n.toString(16).padStart(32, '0');
      tally.find({ patientRef, recordClass: null, difference: 'chart-missing' });
    }
    expect(tally.differing).toHaveLength(NOTED_AT_ONCE);
  });
});
