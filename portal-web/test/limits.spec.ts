import { describe, expect, it } from '@jest/globals';
import { LIMITS, TIMES } from 'sync-contract/limits';
import { freshnessNow } from '../src/chart/freshness.js';
import { MESSAGE_CHARACTERS, SUBJECT_CHARACTERS } from '../src/routes/messages/topics.js';

/** The web app takes no code of the contract, so that it repeats a few of its numbers. */
describe('what the web app repeats of the limits of both sides', () => {
  const now = Date.parse('2026-01-01T12:00:00.000Z');
  const aged = (ms: number): string => freshnessNow(new Date(now - ms).toISOString(), 'current', now);

  it('is the age from which a page is amber, and red', () => {
    expect([TIMES.amber - 1, TIMES.amber, TIMES.red - 1, TIMES.red].map(aged)).toEqual([
      'current',
      'amber',
      'amber',
      'red',
    ]);
  });

  it('is the length of a message and its subject', () => {
    expect({ messageCharacters: MESSAGE_CHARACTERS, subjectCharacters: SUBJECT_CHARACTERS }).toEqual({
      messageCharacters: LIMITS.messageCharacters,
      subjectCharacters: LIMITS.subjectCharacters,
    });
  });

  it('is less strict only with the clock of a device, by which what the portal believes is never late', () => {
    expect(aged(-TIMES.clockAhead - 1)).toBe('current');
  });
});
