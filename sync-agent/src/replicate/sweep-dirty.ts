import type { EntityManager } from 'typeorm';
import { dirtyCharts } from './chart-row.js';
import type { OpenCharts, Places } from './open-charts.js';
import type { RenderRetries } from './render-retries.js';
import type { RenderWakes } from './render-wakes.js';

/** Charts that wait in the queue of those nobody waits for; the sweeps put in more. */
export const LATER_WOKEN = 500;
/** Of those that somebody looks at: few enough that whose page was opened just now is among the first. */
const OPEN_WOKEN = 20;
/** Failures in a row, half a minute or more, after which a chart of a load overtakes nobody. */
const FAILS_ON = 5;
const NOWHERE: Places = new Map();

export interface Sweeping {
  manager: EntityManager;
  open: Pick<OpenCharts, 'places'>;
  retries: Pick<RenderRetries, 'stateOf'>;
  wakes: RenderWakes;
  /** whether a chart is being rendered, or is next */
  isTaken: (patientRef: string) => boolean;
  /** whether charts of the day wait for each other now */
  areWaiting: () => boolean;
}

/**
 * Wakes dirty charts of which no wake may be left; those that wait after a failure hide none of the others. They go behind
 * what the feed sees, so that a first load or a refill of thousands of charts delays no change of the day, and not all
 * of them into the queue at once. Of those that somebody looks at the first few overtake the rest, wherever they wait.
 * A chart that failed comes again where it was.
 */
export async function sweepDirty({ manager, open, retries, wakes, isTaken, areWaiting }: Sweeping): Promise<void> {
  const lookedAt: { patientRef: string; place: number }[] = [];
  let woken = 0;
  for await (const patientRefs of dirtyCharts(manager)) {
    const due = patientRefs.filter((ref) => !isTaken(ref) && retries.stateOf(ref)?.isDue !== false);
    const places = due.length === 0 ? NOWHERE : await open.places();
    for (const patientRef of due) {
      const retry = retries.stateOf(patientRef);
      const place = places.get(patientRef);
      if (retry?.later === false) {
        wakes.inPlace(patientRef, areWaiting());
      } else if (place !== undefined && (retry?.failures ?? 0) < FAILS_ON) {
        lookedAt.push({ patientRef, place });
      } else if (woken < LATER_WOKEN) {
        wakes.later(patientRef);
        woken += 1;
      }
    }
  }
  lookedAt.sort((a, b) => a.place - b.place);
  for (const [index, { patientRef, place }] of lookedAt.entries()) {
    if (index < OPEN_WOKEN) {
      wakes.laterOpen(patientRef, place);
    } else {
      wakes.later(patientRef);
    }
  }
}
