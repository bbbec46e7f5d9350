import boldUrl from 'dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf?url';
import regularUrl from 'dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf?url';
import { ConnectionLost } from '../api/problem.js';
import type { DayRange } from '../chart/clinical-span.js';
import type { GatheredChart } from '../chart/gathered-chart.js';
import type { Progress } from '../state/chart-gathering.js';
import { practice } from '../state/practice.svelte.js';
import { text } from '../text.js';
import { locale } from '../text/locale.js';
import { CanvasPainter } from './paint-words.js';
import { printSheet } from './print-sheet.js';
import { recordSheet } from './record-sheet.js';

/** Milliseconds of work after which the page gets to answer. */
const WORK_MS = 30;

/** The record as a PDF, made on this device. @throws ConnectionLost when the fonts do not come | the signal's reason */
export async function writePdf(
  chart: GatheredChart,
  range: DayRange,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Blob> {
  const [regular, bold] = await Promise.all([fontFile(regularUrl), fontFile(boldUrl)]);
  const now = new Date();
  const { dates, number, yesNo, money } = practice;
  const sheet = recordSheet(chart, {
    ...{ dates, number, yesNo, money, range, now },
    timing: (timing) => practice.timing(timing),
    recorded: (recorded) => {
      const { label, value } = practice.recorded(recorded);
      return [label, value];
    },
    practiceName: practice.name === '' ? text.unknownPractice : practice.name,
  });
  let worked = performance.now();
  const pause = async (done: number, total: number): Promise<void> => {
    if (performance.now() - worked > WORK_MS) {
      onProgress({ done, total });
      await new Promise((resolve) => setTimeout(resolve));
      worked = performance.now();
    }
    signal.throwIfAborted();
  };
  const chunks = await printSheet(sheet, { regular, bold }, new CanvasPainter(), { lang: locale, now, pause });
  return new Blob(chunks as BlobPart[], { type: 'application/pdf' });
}

async function fontFile(address: string): Promise<Uint8Array> {
  try {
    const response = await fetch(address, { credentials: 'same-origin', redirect: 'error' });
    if (response.ok) {
      return new Uint8Array(await response.arrayBuffer());
    }
  } catch {
    // As if it had not been found.
  }
  throw new ConnectionLost();
}
