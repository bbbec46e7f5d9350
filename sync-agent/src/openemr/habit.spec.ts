import { describe, expect, it } from '@jest/globals';
import { parseHabit } from './habit.js';

describe('a habit in one column', () => {
  it.each([
    ['|never_tobacco||4|', { note: '', status: 'never', date: '', option: '4', packs: '' }],
    [
      'smokes when stressed|currenttobacco|2020-01-01|1|10',
      { note: 'smokes when stressed', status: 'current', date: '2020-01-01', option: '1', packs: '10' },
    ],
    ['|quitalcohol|2018-01-01', { note: '', status: 'quit', date: '2018-01-01', option: '', packs: '' }],
    ['|not_applicabletobacco||9|', { note: '', status: 'not_applicable', date: '', option: '9', packs: '' }],
    ['|not_applicable||9|', { note: '', status: 'not_applicable', date: '', option: '9', packs: '' }],
    ['7 hours', { note: '7 hours', status: '', date: '', option: '', packs: '' }],
    ['', { note: '', status: '', date: '', option: '', packs: '' }],
    ['a|sometimes!|b', { note: 'a', status: 'sometimes!', date: 'b', option: '', packs: '' }],
  ])('%s', (stored, habit) => {
    expect(parseHabit(stored)).toEqual(habit);
  });
});
