/** Dates of the chart in the practice's time zone. A date without a time is a day, not an instant, and never shifts. */

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MONTH = /^\d{4}-\d{2}$/;
const YEAR = /^\d{4}$/;

export class DateFormats {
  private readonly cache = new Map<string, Intl.DateTimeFormat>();

  constructor(
    readonly locale: string,
    readonly timeZone: string,
    /** names the zone with every time, whether asked or not */
    private readonly namesZone = false,
  ) {}

  /** `Nov 3, 2026`; what is given less precisely is shown less precisely, what is no date is shown as it is. */
  day(value: string, style: 'medium' | 'long' = 'medium'): string {
    const month = style === 'medium' ? 'short' : 'long';
    if (YEAR.test(value)) {
      return value;
    }
    if (MONTH.test(value)) {
      return this.format(`${value}-01T00:00:00Z`, 'UTC', { year: 'numeric', month }) ?? value;
    }
    if (DAY.test(value)) {
      return this.format(`${value}T00:00:00Z`, 'UTC', { year: 'numeric', month, day: 'numeric' }) ?? value;
    }
    return this.format(value, this.timeZone, { year: 'numeric', month, day: 'numeric' }) ?? value;
  }

  /** Day and, when the value has one, the time; `zone` names the time zone. */
  moment(value: string, options: { zone?: boolean } = {}): string {
    if (!value.includes('T')) {
      return this.day(value);
    }
    return (
      this.format(value, this.timeZone, {
        year: 'numeric',
        month: 'short',
        day: 'numeric',
        hour: 'numeric',
        minute: '2-digit',
        ...((this.namesZone || options.zone === true) && { timeZoneName: 'short' }),
      }) ?? value
    );
  }

  /** Weekday, day and time; of a span within one day also the time it ends. `zone` names the time zone. */
  span(start: string, end?: string, options: { zone?: boolean } = {}): string {
    if (!start.includes('T')) {
      return this.day(start);
    }
    const zone = this.namesZone || options.zone === true ? ({ timeZoneName: 'short' } as const) : {};
    const ends = end?.includes('T') === true && end !== start && this.isoDay(end) === this.isoDay(start);
    const from = this.format(start, this.timeZone, { ...DAY_AND_TIME, ...(!ends && zone) });
    const to = ends ? this.format(end, this.timeZone, { hour: 'numeric', minute: '2-digit', ...zone }) : null;
    return from === null ? start : to === null ? from : `${from} – ${to}`;
  }

  /** Time alone for today, else `moment`. */
  recent(value: string, now: number, options: { zone?: boolean } = {}): string {
    if (!value.includes('T') || this.isoDay(value) !== this.isoDay(new Date(now).toISOString())) {
      return this.moment(value, options);
    }
    return this.time(value, options);
  }

  /** Time of day alone, where the day stands elsewhere. */
  time(value: string, options: { zone?: boolean } = {}): string {
    return (
      this.format(value, this.timeZone, {
        hour: 'numeric',
        minute: '2-digit',
        ...((this.namesZone || options.zone === true) && { timeZoneName: 'short' }),
      }) ?? value
    );
  }

  /** Short form for lists: time today, day and month this year, else the full day. */
  brief(value: string, now: number): string {
    const today = this.isoDay(new Date(now).toISOString());
    const day = this.isoDay(value);
    if (day === today) {
      return this.recent(value, now);
    }
    if (day?.slice(0, 4) === today?.slice(0, 4)) {
      return this.format(value, this.timeZone, { month: 'short', day: 'numeric' }) ?? value;
    }
    return this.day(value);
  }

  /** Calendar day in the practice's zone, `2026-11-03`. */
  isoDay(value: string): string | null {
    const date = new Date(value);
    return Number.isNaN(date.getTime()) ? null : this.formatter(this.timeZone, 'en-CA', ISO_DAY).format(date);
  }

  /** The practice's calendar day now, `2026-11-03`. */
  today(now: number): string {
    return this.formatter(this.timeZone, 'en-CA', ISO_DAY).format(now);
  }

  /** Hour of day at the practice, 0 to 23. */
  hour(now: number): number {
    return Number(this.formatter(this.timeZone, 'en-GB', { hour: '2-digit', hourCycle: 'h23' }).format(now));
  }

  private format(value: string, timeZone: string, options: Intl.DateTimeFormatOptions): string | null {
    const date = new Date(value);
    return Number.isNaN(date.getTime()) ? null : this.formatter(timeZone, this.locale, options).format(date);
  }

  private formatter(timeZone: string, locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = JSON.stringify([timeZone, locale, options]);
    const known = this.cache.get(key) ?? new Intl.DateTimeFormat(locale, { ...options, timeZone });
    this.cache.set(key, known);
    return known;
  }
}

const DAY_AND_TIME: Intl.DateTimeFormatOptions = {
  weekday: 'short',
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
};

const ISO_DAY: Intl.DateTimeFormatOptions = { year: 'numeric', month: '2-digit', day: '2-digit' };
