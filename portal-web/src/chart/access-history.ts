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
  /** entries whose class nobody could name */
  unnamed: number;
}

export interface AccessDay {
  day: string;
  accesses: Access[];
}

/** Looks further apart are two visits, milliseconds. */
const PAUSE_MS = 15 * 60_000;

/**
 * Days, newest first. Entries that differ in nothing but time and part of the record become one, while the pauses between
 * them are short: opening the record fetches all of its parts at once.
 * @param entries newest first
 * @param dayOf calendar day of an instant
 */
export function accessDays(entries: readonly AccessEntryView[], dayOf: (instant: string) => string): AccessDay[] {
  const days: AccessDay[] = [];
  for (const entry of entries) {
    const day = dayOf(entry.at);
    let current = days.at(-1);
    if (current?.day !== day) {
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

function startOf(entry: AccessEntryView): Access {
  const { action, outcome, who, patientRef, address, thisSession, at } = entry;
  const access = { action, outcome, who, patientRef, address, thisSession, last: at, first: at, count: 0 };
  return extend({ ...access, recordClasses: [], unnamed: 0 }, entry);
}

function extend(access: Access, { at, recordClass }: AccessEntryView): Access {
  access.first = at;
  access.count += 1;
  if (recordClass === null) {
    access.unnamed += 1;
  } else if (!access.recordClasses.includes(recordClass)) {
    access.recordClasses.unshift(recordClass);
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
    Date.parse(access.first) - Date.parse(entry.at) <= PAUSE_MS
  );
}
