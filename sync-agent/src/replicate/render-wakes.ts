import { LAST_PLACE, type QueuesService } from '../queues/queues.service.js';
import type { OpenCharts } from './open-charts.js';

/** Jobs of the changes of the day: a chart that waits in its place, and one that must not wait there. */
export const RENDER_JOBS = ['render-chart', 'render-at-once'] as const;
/** Jobs of a load: a chart that waits at its end, and one that somebody looks at, which overtakes those. */
export const LATER_JOBS = ['render-later', 'render-open'] as const;

/**
 * Puts charts that are to be rendered into the queues, each at its place. A wake for a chart that waits already changes
 * nothing, so what must overtake its own wait is a job by itself.
 */
export class RenderWakes {
  constructor(
    private readonly queues: Pick<QueuesService, 'wake'>,
    private readonly open: Pick<OpenCharts, 'placeOf'>,
  ) {}

  atOnce(patientRef: string): void {
    this.queues.wake('replications', 'render-at-once', patientRef);
  }

  /** @param areWaiting whether charts wait for each other now */
  inPlace(patientRef: string, areWaiting: boolean): void {
    this.queues.wake('replications', 'render-chart', patientRef, this.open.placeOf(patientRef, areWaiting));
  }

  /** Behind the changes of the day, at a pace that OpenEMR and the gateway can bear. */
  later(patientRef: string): void {
    this.queues.wake('refills', 'render-later', patientRef, LAST_PLACE);
  }

  /** The same, before all that nobody looks at. @param place of `OpenCharts` */
  laterOpen(patientRef: string, place: number): void {
    this.queues.wake('refills', 'render-open', patientRef, place);
  }
}
