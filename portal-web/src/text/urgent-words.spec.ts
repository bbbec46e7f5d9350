import { describe, expect, it } from '@jest/globals';
import { soundsUrgent } from './urgent-words.js';

describe('the notice about emergencies', () => {
  it.each([
    'I have chest pain',
    'I can’t breathe well',
    "can't breathe",
    'short of breath since Monday',
    'I want to kill myself',
    'took an overdose',
    'the bleeding won’t stop, heavy bleeding',
    'He passed out',
  ])('comes up for %p', (typed) => {
    expect(soundsUrgent(typed)).toBe(true);
  });

  it.each(['Can I get a refill?', 'My chest X-ray appointment', 'I stroked the cat', 'Thank you, that helps.'])(
    'stays away for %p',
    (typed) => {
      expect(soundsUrgent(typed)).toBe(false);
    },
  );
});
