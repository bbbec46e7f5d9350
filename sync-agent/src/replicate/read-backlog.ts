import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { readCurrency } from './currency.js';

/** What waits in each direction and what stands still; counts, ages and our own sentences only. */
export interface Backlog {
  /** OpenEMR → DMZ */
  outwards: {
    /** charts with changes that the DMZ does not have */
    charts: number;
    /** T of the chart that lags most; null when none lags */
    oldestAsOf: string | null;
    /** invites, grants and answers that the DMZ does not know yet */
    messages: number;
  };
  /** patient → OpenEMR */
  inwards: {
    waiting: number;
    /** seconds since the oldest of them was collected; null when none waits */
    oldestSeconds: number | null;
  };
  /** what needs a person, each reason once */
  stopped: readonly Stopped[];
}

export interface Stopped {
  what: 'charts' | 'patients frozen' | 'streams' | 'submissions set aside';
  reason: string;
  count: number;
}

const Counts = z.tuple([
  z.object({
    charts: z.coerce.number(),
    messages: z.coerce.number(),
    waiting: z.coerce.number(),
    oldest: z.coerce.number().nullable(),
  }),
]);
const StoppedRows = z.array(
  z.object({
    what: z.enum(['charts', 'patients frozen', 'streams', 'submissions set aside']),
    reason: z.string().nullable(),
    count: z.coerce.number(),
  }),
);

const FROZEN =
  "OpenEMR's record is gone or may be another person's: `sync-agent patients` names the pids and why; compare them, then `patients --same-patient` or `--revoke`";

export async function readBacklog(manager: EntityManager): Promise<Backlog> {
  const counts: unknown = await manager.query(
    `SELECT (SELECT COUNT(*) FROM chart c WHERE EXISTS (SELECT 1 FROM dirty d WHERE d.pid = c.pid)) AS charts,
            (SELECT COUNT(*) FROM invite WHERE pushed_at IS NULL) + (SELECT COUNT(*) FROM account_grant WHERE pushed_at IS NULL)
              + (SELECT COUNT(*) FROM outgoing WHERE pushed_at IS NULL) AS messages,
            (SELECT COUNT(*) FROM submission WHERE state = 'RECEIVED') AS waiting,
            (SELECT TIMESTAMPDIFF(SECOND, MIN(received_at), UTC_TIMESTAMP()) FROM submission WHERE state = 'RECEIVED') AS oldest`,
  );
  const stopped: unknown = await manager.query(
    `SELECT 'charts' AS what, stopped_reason AS reason, COUNT(*) AS count FROM chart WHERE stopped_reason IS NOT NULL GROUP BY 2
      UNION ALL SELECT 'patients frozen', ?, COUNT(*) FROM patient WHERE state = 'frozen' HAVING COUNT(*) > 0
      UNION ALL SELECT 'streams', stopped_reason, COUNT(*) FROM stream WHERE stopped_reason IS NOT NULL GROUP BY 2
      UNION ALL SELECT 'submissions set aside', reason, COUNT(*) FROM submission WHERE state = 'QUARANTINED' GROUP BY 2`,
    [FROZEN],
  );
  const [{ charts, messages, waiting, oldest }] = Counts.parse(counts);
  const lagging = [...((await readCurrency(manager))?.exceptions.values() ?? [])].sort();
  return {
    outwards: { charts, oldestAsOf: lagging[0] ?? null, messages },
    inwards: { waiting, oldestSeconds: oldest },
    stopped: StoppedRows.parse(stopped).map(({ what, reason, count }) => ({
      what,
      reason: reason ?? 'no reason was written down',
      count,
    })),
  };
}

export function describeBacklog({ outwards, inwards, stopped }: Backlog): string {
  const lines = [
    `to the DMZ: ${String(outwards.charts)} charts${outwards.oldestAsOf === null ? '' : `, the oldest as of ${outwards.oldestAsOf}`}, ` +
      `${String(outwards.messages)} invites, grants and answers`,
    `to OpenEMR: ${String(inwards.waiting)} submissions` +
      (inwards.oldestSeconds === null ? '' : `, the oldest for ${String(inwards.oldestSeconds)} s`),
    // Reasons of charts stand in the status.
    ...stopped
      .filter(({ what }) => what !== 'charts')
      .map(({ what, reason, count }) => `stopped: ${String(count)} ${what}: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}
