import type { StartDownload } from 'portal-api/http';
import { api } from '../api/client.js';
import { failureCode, type FailureCode } from '../api/problem.js';
import type { DayRange } from '../chart/clinical-span.js';
import { ageOf, type GatheredChart } from '../chart/gathered-chart.js';
import { fileName, recordBundle } from '../chart/record-bundle.js';
import { waitingIn } from '../chart/release-wish.js';
import { text } from '../text.js';
import { announcer } from './announcer.svelte.js';
import { ChartGathering, type Progress } from './chart-gathering.js';
import { absentTitles } from './part-titles.js';
import { practice } from './practice.svelte.js';
import { session } from './session.svelte.js';

export type DownloadForm = StartDownload['form'];

export interface DownloadWish {
  form: DownloadForm;
  range: DayRange;
}

/** One download: what was wished, noted by the server or not yet, and what has come of the chart. */
interface Run {
  wish: DownloadWish;
  chartPath: string;
  /** it stands in the access history */
  noted: boolean;
  stop: AbortController;
  gathering: ChartGathering;
}

/** How long the browser may take to begin saving what it was given. */
const KEPT_MS = 60_000;

/**
 * Makes a file of the chart, in the browser: the server learns first that it is made, or nothing is. A failure keeps what
 * has come, and trying again is the same download.
 */
class RecordDownload {
  phase = $state<'idle' | 'gathering' | 'writing' | 'saved' | 'failed'>('idle');
  progress = $state.raw<Progress>({ done: 0, total: 0 });
  failure = $state<FailureCode | null>(null);
  savedAs = $state('');
  private run: Run | null = null;

  constructor() {
    session.onEnd(() => {
      this.cancel();
    });
  }

  get busy(): boolean {
    return this.phase === 'gathering' || this.phase === 'writing';
  }

  async start(wish: DownloadWish): Promise<void> {
    const { patient } = session;
    if (this.busy || patient === null) {
      return;
    }
    this.run = this.newRun(wish, `/api/charts/${patient.patientRef}`);
    await this.go(this.run);
  }

  /** The same download once more, without what has come already. */
  async retry(): Promise<void> {
    if (!this.busy && this.run !== null) {
      await this.go(this.run);
    }
  }

  cancel(): void {
    this.run?.stop.abort();
    this.run = null;
    this.phase = 'idle';
    this.failure = null;
  }

  private newRun(wish: DownloadWish, chartPath: string): Run {
    const stop = new AbortController();
    const gathering = new ChartGathering(chartPath, stop.signal, (progress) => {
      this.progress = progress;
    });
    return { wish, chartPath, noted: false, stop, gathering };
  }

  private async go(run: Run): Promise<void> {
    const { wish, stop } = run;
    this.phase = 'gathering';
    this.failure = null;
    this.progress = { done: 0, total: 0 };
    announcer.say(text.download.gathering);
    try {
      if (!run.noted) {
        const body: StartDownload = { form: wish.form, ...wish.range };
        await api.postForNothing(`${run.chartPath}/downloads`, { userAct: true }, body);
        run.noted = true;
      }
      const chart = await run.gathering.run();
      this.phase = 'writing';
      const file = await fileOf(chart, wish, stop.signal, (progress) => {
        this.progress = progress;
      });
      stop.signal.throwIfAborted();
      this.savedAs = fileName(wish.form, practice.dates.today(Date.now()), wish.range);
      save(file, this.savedAs);
      this.run = null;
      this.phase = 'saved';
      announcer.say(text.download.saved(this.savedAs));
    } catch (failure: unknown) {
      if (!stop.signal.aborted) {
        this.failure = failureCode(failure);
        this.phase = 'failed';
      }
    }
  }
}

export const recordDownload = new RecordDownload();

const isoDay = (instant: string): string | null => practice.dates.isoDay(instant);

async function fileOf(
  chart: GatheredChart,
  wish: DownloadWish,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Blob> {
  if (wish.form === 'fhir-bundle') {
    return bundleFile(chart, wish.range);
  }
  // Fetched when somebody wants it: the writer and its fonts weigh more than all pages together.
  const { writePdf } = await import('../pdf/write-pdf.js');
  return writePdf(chart, wish.range, signal, onProgress);
}

function bundleFile(chart: GatheredChart, range: DayRange): Blob {
  const now = Date.now();
  const waiting = waitingIn(chart.sections.get('results'));
  const bundle = recordBundle(chart, {
    base: `${location.origin}/fhir`,
    range,
    isoDay,
    now,
    noticeId: crypto.randomUUID(),
    notices: [
      ...ageNotices(chart, now),
      ...text.download.bundleNotices(range, absentTitles(chart)),
      ...(waiting === 0 ? [] : [text.releaseWish.notInFile(waiting)]),
    ],
    withdrawnNotice: text.download.withdrawnEntry,
    skippedNotice: text.download.bundleSkipped,
  });
  return new Blob([JSON.stringify(bundle, null, 1)], { type: 'application/fhir+json' });
}

/** How old the file is, first of all: the words of the pages. */
export function ageNotices(chart: GatheredChart, now: number): string[] {
  const at = chart.asOf === null ? null : practice.dates.moment(chart.asOf, { zone: true });
  return [text.download.age(ageOf(chart, now), at)];
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, KEPT_MS);
}
