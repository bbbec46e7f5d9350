/** What a patient may choose; the practice maps topics to its people. */
export const TOPICS = ['General', 'Appointment', 'Medication', 'Results', 'Billing', 'Insurance', 'Other'] as const;
export type Topic = (typeof TOPICS)[number];

/** Threads that the practice began may carry a topic of its own words; a reply there goes as a general one. */
export function messageTopic(topic: string): Topic {
  return TOPICS.find((known) => known === topic) ?? 'General';
}

export const MESSAGE_CHARACTERS = 20_000;
export const SUBJECT_CHARACTERS = 120;

/** Characters as the server counts them: code points, outer white space left out. */
export function characters(typed: string): number {
  return [...typed.replace(/\r\n?/g, '\n').trim()].length;
}
