/** How OpenEMR's calendar says that an event repeats. */
export interface Repetition {
  pc_eventDate: string;
  /** last day, null or zero for without end */
  pc_endDate: string | null;
  pc_recurrtype: number;
  /** PHP's serialization of the details */
  pc_recurrspec: string;
}

/** First and last day, `yyyy-MM-dd`. */
export interface Window {
  from: string;
  to: string;
}

const AT_INTERVALS = 1;
const ON_WEEKDAY_OF_MONTH = 2;
const ON_DAYS_OF_WEEK = 3;
/** A series that began long ago is counted up to the window; no calendar goes further than this. */
const MOST_STEPS = 60_000;

/**
 * Days of an event within the window, in order. As OpenEMR's own calendar counts them: a month too short for the day
 * moves the series on into the next one, Saturday and Sunday are no work days, single days may be struck out. Details
 * that cannot be read leave the day the event stands on.
 */
export function occurrences(event: Repetition, window: Window): string[] {
  const spec = readSpec(event.pc_recurrspec);
  const last = event.pc_endDate === null || event.pc_endDate.startsWith('0000') ? window.to : event.pc_endDate;
  const to = last < window.to ? last : window.to;
  const struck = new Set((spec.get('exdate') ?? '').split(','));
  const found: string[] = [];
  const days = daysOf(event, spec);
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const { value: day } = days.next();
    if (day === undefined || day > to) {
      break;
    }
    if (day >= window.from && day >= event.pc_eventDate && !struck.has(day.replaceAll('-', ''))) {
      found.push(day);
    }
  }
  return found;
}

export const repeats = ({ pc_recurrtype }: Pick<Repetition, 'pc_recurrtype'>): boolean =>
  [AT_INTERVALS, ON_WEEKDAY_OF_MONTH, ON_DAYS_OF_WEEK].includes(pc_recurrtype);

/** Whole months, a year back and a year ahead, so that a series moves on by itself once a month and not every day. */
export function repetitionWindow(today: string): Window {
  const { year, month } = partsOf(today);
  return { from: dayText(year - 1, month, 1), to: dayText(year + 1, month + 1, 0) };
}

/** Keys of digits, commas and nothing else; other values (`N;`) are left out. */
function readSpec(serialized: string): ReadonlyMap<string, string> {
  const pairs = serialized.matchAll(/s:\d+:"(\w+)";(?:s:\d+:"([\d,]*)"|i:(\d+));/g);
  return new Map([...pairs].map(([, key = '', text, number]) => [key, text ?? number ?? '']));
}

/** Every day of the series, without end where it has none. */
function* daysOf(event: Repetition, spec: ReadonlyMap<string, string>): Generator<string, undefined> {
  const number = (key: string): number => Number(spec.get(key) ?? '');
  let day = event.pc_eventDate;
  if (event.pc_recurrtype === ON_WEEKDAY_OF_MONTH) {
    const every = number('event_repeat_on_freq');
    const { year, month } = partsOf(day);
    for (let months = 0; every > 0; months += every) {
      yield weekdayOfMonth(year, month + months, number('event_repeat_on_num'), number('event_repeat_on_day'));
    }
  }
  const weekdays = (spec.get('event_repeat_freq') ?? '').split(',').map(Number);
  const step =
    event.pc_recurrtype === ON_DAYS_OF_WEEK
      ? (from: string) => nextDayAmong(from, weekdays)
      : (from: string) => stepOf(from, number('event_repeat_freq'), number('event_repeat_freq_type'));
  for (;;) {
    yield day;
    const next = step(day);
    if (next === undefined || next <= day) {
      return undefined;
    }
    day = next;
  }
}

const STEP = { day: 0, week: 1, month: 2, year: 3, workDay: 4 } as const;

function stepOf(from: string, every: number, unit: number): string | undefined {
  const { year, month, day } = partsOf(from);
  switch (unit) {
    case STEP.day:
      return dayText(year, month, day + every);
    case STEP.week:
      return dayText(year, month, day + 7 * every);
    case STEP.month:
      return dayText(year, month + every, day);
    case STEP.year:
      return dayText(year + every, month, day);
    case STEP.workDay:
      return workDayAfter(from, every);
    default:
      return undefined;
  }
}

function workDayAfter(from: string, every: number): string {
  let day = from;
  for (let left = Math.min(every, 366); left > 0; left -= 1) {
    do {
      day = dayAfter(day);
    } while ([0, 6].includes(weekdayOf(day)));
  }
  return day;
}

/** OpenEMR counts the days of the week from 1, Sunday. */
function nextDayAmong(from: string, weekdays: readonly number[]): string | undefined {
  let day = from;
  for (let tries = 0; tries < 7; tries += 1) {
    day = dayAfter(day);
    if (weekdays.includes(weekdayOf(day) + 1)) {
      return day;
    }
  }
  return undefined;
}

/** The n-th Tuesday of a month; where a month has no fifth one, its last. */
function weekdayOfMonth(year: number, month: number, nth: number, weekday: number): string {
  const first = dayText(year, month, 1);
  const day = 1 + ((weekday - weekdayOf(first) + 7) % 7) + 7 * (Math.min(Math.max(nth, 1), 5) - 1);
  const found = dayText(year, month, day);
  return found.slice(0, 7) === first.slice(0, 7) ? found : dayText(year, month, day - 7);
}

function partsOf(day: string): { year: number; month: number; day: number } {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return { year, month, day: date };
}

/** Months and days past their range count on. */
function dayText(year: number, month: number, day: number): string {
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10);
}

const dayAfter = (from: string): string => {
  const { year, month, day } = partsOf(from);
  return dayText(year, month, day + 1);
};
const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay();
