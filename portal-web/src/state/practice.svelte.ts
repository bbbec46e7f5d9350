import type { PracticeView } from 'portal-api/http';
import { api } from '../api/client.js';
import { DateFormats } from '../chart/dates.js';
import { locale } from '../text.js';

/** Who the clinic is, and dates as the clinic would write them. */
class Practice {
  name = $state('');
  private timeZone = $state(Intl.DateTimeFormat().resolvedOptions().timeZone);
  readonly dates = $derived(new DateFormats(locale, this.timeZone));
  /** True when this device is in another zone than the clinic: times then name their zone. */
  readonly zoneDiffers = $derived(Intl.DateTimeFormat().resolvedOptions().timeZone !== this.timeZone);
  private readonly numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 10, useGrouping: false });

  async load(): Promise<void> {
    const view = await api.get<PracticeView>('/api/practice');
    this.name = view.name;
    this.timeZone = view.timeZone;
  }

  number = (value: number): string => this.numbers.format(value);
}

export const practice = new Practice();
