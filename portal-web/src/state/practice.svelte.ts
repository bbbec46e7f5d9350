import type { PracticeView } from 'portal-api/http';
import { api } from '../api/client.js';
import { DateFormats } from '../chart/dates.js';
import { locale } from '../text.js';

const RETRY_MS = [1_000, 3_000, 10_000];
const RETRY_LAST_MS = 30_000;

/** Who the clinic is, and dates as the clinic would write them. */
class Practice {
  name = $state('');
  /** false until the clinic's zone is known: the device's zone serves until then, and every time names it */
  private known = $state(false);
  private timeZone = $state(Intl.DateTimeFormat().resolvedOptions().timeZone);
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

  number = (value: number): string => this.numbers.format(value);
}

export const practice = new Practice();
