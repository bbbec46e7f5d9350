import type { PracticeView } from 'portal-api/http';
import { api } from '../api/client.js';
import { DateFormats } from '../chart/dates.js';
import type { Amount } from '../chart/section-content.js';
import { writersIn, type Recorded } from '../chart/provenance.js';
import type { Timing } from '../chart/record-entry.js';
import { text } from '../text.js';
import { locale } from '../text/locale.js';

const RETRY_MS = [1_000, 3_000, 10_000];
const RETRY_LAST_MS = 30_000;

/** Who the clinic is, and dates as the clinic would write them. */
class Practice {
  name = $state('');
  /** false until the clinic's zone is known: the device's zone serves until then, and every time names it */
  private known = $state(false);
  timeZone = $state(Intl.DateTimeFormat().resolvedOptions().timeZone);
  readonly dates = $derived(new DateFormats(locale, this.timeZone, !this.known));
  /** True when this device is in another zone than the clinic: times then name their zone. */
  readonly zoneDiffers = $derived(!this.known || Intl.DateTimeFormat().resolvedOptions().timeZone !== this.timeZone);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 10, useGrouping: false });

  /** Tries until it is answered. */
  async load(attempt = 0): Promise<void> {
    if (this.known) {
      return;
    }
    clearTimeout(this.timer);
    try {
      const view = await api.get<PracticeView>('/api/practice');
      this.name = view.name;
      this.timeZone = view.timeZone;
      this.known = true;
    } catch {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.load(attempt + 1), RETRY_MS[attempt] ?? RETRY_LAST_MS);
    }
  }

  /** A text of digits is formatted exactly as it stands. */
  money = (value: number | Amount, currency: string): string =>
    new Intl.NumberFormat(locale, { style: 'currency', currency }).format(value);

  yesNo = (value: boolean): string => (value ? text.yesNo.yes : text.yesNo.no);

  number = (value: number): string => this.numbers.format(value);

  /** When an appointment or visit is, in the clinic's time; a device in another zone is told so. */
  span(start: string, end: string | undefined): string {
    return this.dates.span(start, end, { zone: this.zoneDiffers });
  }

  day(value: string | undefined): string | undefined {
    return value === undefined ? undefined : this.dates.day(value);
  }

  /** Who wrote an entry down, for whom, and when. */
  recorded(recorded: Recorded): { label: string; value: string | undefined } {
    return text.record.recorded(writersIn(recorded, this.name), this.day(recorded.on));
  }

  /** A time that goes on when it has no end: `from Jan 1, 2024`. */
  validity({ at, until }: Timing): string | undefined {
    return at !== undefined && until === undefined
      ? text.record.from(this.dates.day(at))
      : this.timing({ at, until, words: undefined });
  }

  /** Day or days of something in the record, else the record's own words for when it was. */
  timing({ at, until, words }: Timing): string | undefined {
    const from = this.day(at);
    const to = this.day(until);
    return from === undefined ? (words ?? to) : to === undefined || to === from ? from : text.record.between(from, to);
  }
}

export const practice = new Practice();
