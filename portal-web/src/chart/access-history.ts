import type { AccessEntryView } from 'portal-api/http';

/** Entries that belong together as a reader sees it: what one visit looked at, one after the other. */
export interface Access {
  action: string;
  outcome: AccessEntryView['outcome'];
  who: AccessEntryView['who'];
  patientRef: string | null;
  address: string | null;
  thisSession: boolean;
  /** newest and oldest, instants */
  last: string;
  first: string;
  /** how many entries of the log it stands for */
  count: number;
  /** classes of records, each once, in the order they were shown */
  recordClasses: string[];
  /** ids of the documents that were opened or saved, each once, the oldest first */
  documents: string[];
  /** entries whose class nobody could name */
  unnamed: number;
}

export interface AccessDay {
  day: string;
  accesses: Access[];
}

/** Looks further apart are two visits, milliseconds. */
const PAUSE_MS = 15 * 60_000;
/** A code is taken for this long after the password, and a little for clocks, milliseconds. */
const SIGN_IN_MS = 6 * 60_000;

/**
 * Days, each once, in the order of their newest entry of the log: around midnight and where a clock was set, times need not
 * follow the log. Entries that differ in nothing but time and part of the record become one, while the pauses between
 * them are short: opening the record fetches all of its parts at once.
 * @param entries newest first
 * @param dayOf calendar day of an instant
 */
export function accessDays(entries: readonly AccessEntryView[], dayOf: (instant: string) => string): AccessDay[] {
  const days: AccessDay[] = [];
  const folded = finishedPasswordSteps(entries);
  for (const entry of entries.filter((each) => !folded.has(each))) {
    const day = dayOf(entry.at);
    let current = days.find((known) => known.day === day);
    if (current === undefined) {
      current = { day, accesses: [] };
      days.push(current);
    }
    const access = current.accesses.find((known) => continues(known, entry));
    if (access === undefined) {
      current.accesses.push(startOf(entry));
    } else {
      extend(access, entry);
    }
  }
  return days;
}

/**
 * Password steps that a sign-in completed, one of each: its line says it all. A password step without one stays, because
 * nothing else tells of somebody who has the password and no code.
 */
function finishedPasswordSteps(entries: readonly AccessEntryView[]): Set<AccessEntryView> {
  const finished = new Set<AccessEntryView>();
  for (const [place, signIn] of entries.entries()) {
    if (!isDone(signIn, 'sign-in')) {
      continue;
    }
    const steps = entries
      .slice(place + 1)
      .filter((step) => isDone(step, 'sign-in-password') && !finished.has(step))
      .filter((step) => Math.abs(Date.parse(signIn.at) - Date.parse(step.at)) <= SIGN_IN_MS);
    const step = steps.find(({ address }) => address === signIn.address) ?? steps[0];
    if (step !== undefined) {
      finished.add(step);
    }
  }
  return finished;
}

function isDone(entry: AccessEntryView, action: string): boolean {
  return entry.who === 'you' && entry.outcome === 'ok' && entry.action === action;
}

function startOf(entry: AccessEntryView): Access {
  const { action, outcome, who, patientRef, address, thisSession, at } = entry;
  const access = { action, outcome, who, patientRef, address, thisSession, last: at, first: at, count: 0 };
  return extend({ ...access, recordClasses: [], documents: [], unnamed: 0 }, entry);
}

function extend(access: Access, { at, recordClass, documentId }: AccessEntryView): Access {
  // Instants in one notation compare as text.
  access.first = at < access.first ? at : access.first;
  access.last = at > access.last ? at : access.last;
  access.count += 1;
  if (recordClass === null) {
    access.unnamed += 1;
  } else if (!access.recordClasses.includes(recordClass)) {
    access.recordClasses.unshift(recordClass);
  }
  if (documentId !== null && !access.documents.includes(documentId)) {
    access.documents.unshift(documentId);
  }
  return access;
}

function continues(access: Access, entry: AccessEntryView): boolean {
  return (
    access.action === entry.action &&
    access.outcome === entry.outcome &&
    access.who === entry.who &&
    access.patientRef === entry.patientRef &&
    access.address === entry.address &&
    access.thisSession === entry.thisSession &&
    Date.parse(access.first) - Date.parse(entry.at) <= PAUSE_MS &&
    Date.parse(entry.at) - Date.parse(access.last) <= PAUSE_MS
  );
}
