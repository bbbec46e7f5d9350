import { DateTime, FixedOffsetZone, IANAZone } from 'luxon';

const WALL_CLOCK = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?)?$/;
const LAB_OFFSET = /^([+-])(\d{2}):?(\d{2})$/;

/**
 * OpenEMR's DATE and DATETIME columns are clinic wall-clock time. Here they get the offset that applied in the
 * clinic's zone on their own day. Dates MariaDB lets through but no calendar has (`0000-00-00`, 31 February) are no
 * date: the functions answer undefined. A month or day of zero makes a FHIR date of lower precision.
 */
export class ClinicTime {
  private readonly zone: IANAZone;
  /** A chart names few moments, each of them many times, and reckoning with zones is what costs. */
  private readonly told = new Map<string, string | undefined>();

  constructor(timeZone: string) {
    this.zone = IANAZone.create(timeZone);
    if (!this.zone.isValid) {
      throw new RangeError('not a time zone');
    }
  }

  /** FHIR date, `yyyy-MM-dd`; the time of day is dropped. */
  date(stored: string | null): string | undefined {
    const parts = WALL_CLOCK.exec(stored ?? '');
    const [, year = '', month = '', day = ''] = parts ?? [];
    if (parts === null || year === '0000') {
      return undefined;
    }
    if (month === '00') {
      return year;
    }
    if (day === '00') {
      return Number(month) <= 12 ? `${year}-${month}` : undefined;
    }
    return DateTime.fromISO(`${year}-${month}-${day}`, { zone: 'utc' }).isValid ? `${year}-${month}-${day}` : undefined;
  }

  /** FHIR dateTime with offset; a column without a time of day, or of low precision, gives a date. */
  dateTime(stored: string | null, labOffset = ''): string | undefined {
    const asked = `${labOffset} ${stored ?? ''}`;
    if (!this.told.has(asked)) {
      const moment = this.moment(stored, labOffset);
      this.told.set(asked, moment === undefined ? this.date(stored) : moment.toFormat("yyyy-MM-dd'T'HH:mm:ssZZ"));
    }
    return this.told.get(asked);
  }

  /** A DATETIME in which OpenEMR's screens keep a plain date: midnight means "that day". */
  dateOrDateTime(stored: string | null): string | undefined {
    return stored?.endsWith(' 00:00:00') === true ? this.date(stored) : this.dateTime(stored);
  }

  /** The moment in UTC with milliseconds. */
  instant(stored: string | null): string | undefined {
    return this.moment(stored, '')?.toUTC().toFormat("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'");
  }

  /** Calendar year of a FHIR date or dateTime in the clinic's zone. */
  year(fhirDateTime: string): number {
    return DateTime.fromISO(fhirDateTime, { zone: this.zone }).year;
  }

  /** Something to order by: the moment of a FHIR date or dateTime in milliseconds. */
  order(fhirDateTime: string): number {
    return DateTime.fromISO(fhirDateTime, { zone: this.zone }).toMillis();
  }

  /** A dateTime so many seconds after another, with the offset that applies then. */
  later(fhirDateTime: string, seconds: number): string {
    return DateTime.fromISO(fhirDateTime, { zone: this.zone }).plus({ seconds }).toFormat("yyyy-MM-dd'T'HH:mm:ssZZ");
  }

  private moment(stored: string | null, labOffset: string): DateTime<true> | undefined {
    const parts = WALL_CLOCK.exec(stored ?? '');
    if (parts?.[4] === undefined || parts[1] === '0000') {
      return undefined;
    }
    const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
    const moment = DateTime.fromObject(
      { year, month, day, hour, minute, second },
      { zone: offsetZone(labOffset) ?? this.zone },
    );
    return moment.isValid ? moment : undefined;
  }
}

/** HL7 laboratories send their own offset (`-0500`); it overrides the clinic's. */
function offsetZone(offset: string): FixedOffsetZone | undefined {
  const [, sign = '', hours = '', minutes = ''] = LAB_OFFSET.exec(offset) ?? [];
  if (sign === '') {
    return undefined;
  }
  const total = Number(hours) * 60 + Number(minutes);
  return total > 14 * 60 ? undefined : FixedOffsetZone.instance(sign === '-' ? -total : total);
}
