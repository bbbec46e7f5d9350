import type { ResourcesContent, YearEntry, YearsContent } from '../chart/section-content.js';
import { chart } from './chart.svelte.js';
import type { Section } from './section.svelte.js';

const AT_FIRST = 5;
const MORE = 10;

/** The newest years of results or vitals, and earlier ones when they are asked for. `OnScreen` fetches them. */
export class YearWindow {
  private wanted = $state(AT_FIRST);

  /** `find` is called where its section may come into being; what the section says is read elsewhere, or it is not tracked. */
  constructor(private readonly find: () => Section<YearsContent>) {}

  readonly index = $derived.by(() => this.find());
  private readonly all = $derived.by((): YearEntry[] => this.index.content?.years ?? []);
  readonly years = $derived.by(() =>
    this.all.slice(0, this.wanted).map((year) => ({ ...year, loaded: chart.yearOf(year.section) })),
  );
  readonly earlier = $derived.by(() => Math.max(0, this.all.length - this.wanted));
  readonly sections = $derived.by((): Section<unknown>[] => [this.index, ...this.years.map(({ loaded }) => loaded)]);
  readonly loading = $derived.by(() => this.sections.some(({ state }) => state === 'loading'));
  /** what did not come, or is out of date: then nothing may be called complete */
  readonly unsure = $derived.by(
    () =>
      this.sections.some(({ content, state }) => content === null && state !== 'loading') ||
      chart.freshness(...this.sections) === 'red',
  );

  more(): void {
    this.wanted += MORE;
  }

  /** Resources of every year that has come, by the name of its section. */
  contents(): { section: string; resources: ResourcesContent['resources'] }[] {
    return this.years.flatMap(({ section, loaded }) =>
      loaded.content === null ? [] : [{ section, resources: loaded.content.resources }],
    );
  }
}
