import { describe, expect, it } from '@jest/globals';
import { ListOptions } from './coded-values.js';
import { interpretation, reportCategory, reportStatus, resultStatus } from './result-words.js';

describe('status of a result', () => {
  it.each([
    ['final', 'final'],
    ['prelim', 'preliminary'],
    ['correct', 'corrected'],
    ['cancel', 'cancelled'],
    ['error', 'entered-in-error'],
    ['incomplete', 'registered'],
    ['preliminary', 'preliminary'],
    ['amended', 'amended'],
    ['Final', 'final'],
  ])('%s is %s', (stored, status) => {
    expect(resultStatus(stored)).toBe(status);
  });

  it.each(['', 'P', 'done', 'constructor', '__proto__'])('never becomes final by guessing: %p', (stored) => {
    expect(resultStatus(stored)).toBe('unknown');
    expect(reportStatus(stored)).toBe('unknown');
  });

  it('of a report may be more: reviewed is final, appended stays', () => {
    expect(reportStatus('review')).toBe('final');
    expect(reportStatus('appended')).toBe('appended');
  });
});

describe('the laboratory’s flag', () => {
  const custom = new ListOptions([
    { list_id: 'proc_res_abnormal', option_id: 'vhigh', title: 'Way up', notes: '', codes: 'HH' },
    { list_id: 'proc_res_abnormal', option_id: 'odd', title: 'Odd', notes: '', codes: '' },
  ]);

  it.each([
    ['no', 'N', 'Normal'],
    ['yes', 'A', 'Abnormal'],
    ['high', 'H', 'High'],
    ['low', 'L', 'Low'],
    ['vhigh', 'HH', 'Critical high'],
    ['vlow', 'LL', 'Critical low'],
    ['H', 'H', 'High'],
  ])('%s is %s, whether or not the practice’s list says so', (stored, code, display) => {
    expect(interpretation(stored, custom)?.coding).toEqual([expect.objectContaining({ code, display })]);
  });

  it('that nobody knows is shown in the practice’s words or as it is', () => {
    expect(interpretation('odd', custom)).toEqual({ text: 'Odd' });
    expect(interpretation('>>>', custom)).toEqual({ text: '>>>' });
    expect(interpretation('constructor', custom)).toEqual({ text: 'constructor' });
    expect(interpretation('', custom)).toBeUndefined();
  });
});

describe('kind of a report', () => {
  it.each([
    ['laboratory_test', 'LAB'],
    ['imaging', 'RAD'],
    ['procedure', 'OTH'],
    ['', 'OTH'],
  ])('%s is %s', (stored, code) => {
    expect(reportCategory(stored).code).toBe(code);
  });
});
