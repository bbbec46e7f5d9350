import type { EntityManager } from 'typeorm';
import { z } from 'zod';

/** How a first load, a refill or a day's changes go on. */
export interface Progress {
  /** charts with changes that the DMZ does not have, without those that wait for a person */
  waiting: number;
  /** charts a second in the last minute; null before the second of them */
  perSecond: number | null;
  /** until none waits, at that rate; null when there is none */
  secondsLeft: number | null;
}

/** Of the rate, seconds: long enough to be steady, short enough that what went before a load is soon forgotten. */
const WINDOW = 60;

const Rows = z.tuple([
  z.object({
    waiting: z.coerce.number(),
    done: z.coerce.number(),
    seconds: z.coerce.number().nullable(),
  }),
]);

export async function readProgress(manager: EntityManager): Promise<Progress> {
  const rows: unknown = await manager.query(
    `SELECT (SELECT COUNT(*) FROM chart c JOIN patient p ON p.pid = c.pid AND p.state IN ('invited', 'enrolled')
              WHERE c.stopped_reason IS NULL AND EXISTS (SELECT 1 FROM dirty d WHERE d.pid = c.pid)) AS waiting,
            COUNT(*) AS done, TIMESTAMPDIFF(MICROSECOND, MIN(rendered_at), UTC_TIMESTAMP(3)) / 1000000 AS seconds
       FROM chart WHERE rendered_at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ${String(WINDOW)} SECOND)`,
  );
  const [{ waiting, done, seconds }] = Rows.parse(rows);
  return progressOf(waiting, done, seconds ?? 0);
}

/** @param done charts that were finished in the last `seconds` */
export function progressOf(waiting: number, done: number, seconds: number): Progress {
  const perSecond = done < 2 || seconds <= 0 ? null : done / seconds;
  const secondsLeft = waiting === 0 ? 0 : perSecond === null ? null : waiting / perSecond;
  return { waiting, perSecond, secondsLeft };
}

export function describeProgress({ waiting, perSecond, secondsLeft }: Progress): string {
  if (waiting === 0) {
    return 'load: no chart waits';
  }
  const rate =
    perSecond === null || secondsLeft === null
      ? 'none was finished in the last minute'
      : `${perSecond.toFixed(1)} a second, about ${timeLeft(secondsLeft)} left`;
  return `load: ${String(waiting)} charts wait, ${rate}`;
}

function timeLeft(seconds: number): string {
  return seconds < 90 ? `${String(Math.ceil(seconds))} s` : `${String(Math.ceil(seconds / 60))} min`;
}
