import type { SendCcdRequest } from 'portal-api/http';
import type { NoContentReason } from '../chart/documents.js';

const REASONS: Record<NoContentReason, string> = {
  'too-large': 'It is too large to be saved here. Please ask the clinic for a copy, or ask for fewer days.',
  missing: 'The clinic’s system has made no file. Please ask for it once more, or ask the clinic.',
  'no-file': 'The clinic’s system has made no file. Please ask for it once more, or ask the clinic.',
  'not-offered': 'This clinic does not offer this file here any more. Please ask the clinic for a copy.',
};

const HELD_BACK =
  'The clinic’s system could not leave out what is kept back from the portal by a rule of the clinic or by your own choice about new results.';

/** By the practice's word for why. */
const REFUSALS: Record<string, string> = {
  'ccd-held-back': HELD_BACK,
  'ccd-not-offered': 'Your clinic does not offer this file. Please ask the clinic for a copy.',
};

/** Words about the C-CDA file that the practice's system makes of the record. */
export const ccdText = {
  name: 'Clinical summary (C-CDA)',
  form: 'C-CDA, for doctors’ systems (XML)',
  formHint:
    'The file that other doctors’ systems read. Your clinic’s system makes it, not this device, and decides what is in it. That takes some minutes.',
  formHintAgain: 'A new one takes the place of the file below.',
  heldBack: `Not possible for now. ${HELD_BACK}`,
  mayNot: 'Your access does not include asking for this file. The other kinds of file are there.',
  whole: 'All days',
  daysHint: 'Your clinic’s system decides what belongs to these days.',
  ask: 'Ask for the file',
  asking: 'Asking…',
  already: 'A file for these days has been asked for already. Choose other days, or wait until it has come.',
  asked: 'Asked for. Your clinic’s system makes the file. It appears below and under Documents.',
  title: 'Your C-CDA file',
  pageLead: 'Your record as one file, made by your clinic’s system.',
  lead: 'There is one at a time: a new one takes the place of the one before.',
  none: 'There is none at the moment.',
  noneStale: 'There was none when the clinic was last heard.',
  noneHeld: `There is none. ${HELD_BACK}`,
  unknown: 'We could not check whether a file has been asked for.',
  underWay: 'Your record as a C-CDA file',
  request: {
    saved: (at: string) => `Your request is saved (${at}). The clinic collects it in a moment.`,
    collected: (at: string) => `Your request (${at}) has reached the clinic.`,
  },
  refused: (at: string, reason: string | null) =>
    `Your clinic’s system made no file for your request (answered ${at}). ${REFUSALS[reason ?? ''] ?? ''}`.trimEnd(),
  askedAt: 'Asked for on',
  askedFor: (day: string) => `asked for on ${day}`,
  days: 'Days',
  size: 'Size',
  range: ({ from, to }: SendCcdRequest, day: (value: string) => string) =>
    from === null
      ? to === null
        ? ccdText.whole
        : `Until ${day(to)}`
      : to === null
        ? `From ${day(from)} on`
        : `${day(from)} to ${day(to)}`,
  /** @param stale when the clinic has not been heard for long, or checks the record */
  state: (state: NoContentReason | 'waiting', stale: boolean) =>
    state !== 'waiting'
      ? REASONS[state]
      : stale
        ? 'Was being made when the clinic was last heard.'
        : 'Your clinic’s system is making this file. It can be saved as soon as it is ready, usually in some minutes.',
  making: (stale: boolean) =>
    stale ? 'Was being made when the clinic was last heard.' : 'Your clinic’s system is making it.',
  ready: 'Your C-CDA file is ready.',
  save: 'Save the C-CDA file',
};
