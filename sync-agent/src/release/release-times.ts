import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import type { BinlogPosition } from '../openemr/snapshot.js';
import { crashPoint } from '../crash-point.js';
import { forgetVersions } from './released-sections.js';

/** Seconds; what takes longer than the last is counted under `BEYOND`. */
export const STEPS = [5, 10, 30, 60, 120, 300, 900, 3_600, 14_400, 86_400, 345_600] as const;
export const BEYOND = 0;
/** Under this are changes of which nobody knows the time; they count as late. */
export const UNKNOWN = -1;
/** Seconds from OpenEMR's commit to the DMZ's acknowledgement that shall not be exceeded. */
export const AIM = 120;
/** SQL interval: for so long times and versions are kept. */
export const KEPT = '400 DAY';

/** A class of a chart of which changed sections were acknowledged, and the oldest change that they carry. */
export interface ReleasedClass {
  recordClass: string;
  changedAfter: BinlogPosition;
  /** the change feed never told of it: its position is that of its finding */
  foundLater: boolean;
}

const Took = z.tuple([z.object({ changedAt: z.string().nullable(), seconds: z.coerce.number().nullable() })]);
type Took = z.infer<typeof Took>[0];
const NOT_KNOWN: Took = { changedAt: null, seconds: null };
/** The chart's own time when it was never known. */
const NEVER = '1970-01-01 00:00:00';

/**
 * In the transaction that settles a push, under the feed's lock: how long its changes took. A change counts from the last
 * clock marker before it, so up to five seconds (when polling: a full pass) too long and never too short; one that waited
 * until its markers were dropped, or that came while the feed had lost its place, from the time that the chart kept
 * instead. Of which neither is known, what lies ahead of the clock, and what only the nightly comparison has found, counts
 * as late.
 * @param push `knownUntil`: the chart's own older time, if it had one; `generation` of the feed's positions that the changes
 * have
 */
export async function noteReleaseTimes(
  manager: EntityManager,
  push: { patientRef: string; era: number; seq: number; knownUntil: string | null; generation: number },
  classes: readonly ReleasedClass[],
): Promise<void> {
  for (const { recordClass, changedAfter, foundLater } of classes) {
    const { changedAt, seconds } = foundLater ? NOT_KNOWN : await readTook(manager, push, changedAfter);
    const within = seconds === null ? UNKNOWN : (STEPS.find((step) => seconds <= step) ?? BEYOND);
    await manager.query(
      `INSERT INTO release_time (day, record_class, within, changes) VALUES (CAST(UTC_DATE() AS CHAR), ?, ?, 1)
        ON DUPLICATE KEY UPDATE changes = changes + 1`,
      [recordClass, within],
    );
    if (seconds === null || seconds > AIM) {
      await manager.query(
        `REPLACE INTO late_release (patient_ref, era, seq, record_class, changed_at, acked_at)
          VALUES (UNHEX(?), ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
        [push.patientRef, push.era, push.seq, recordClass, changedAt?.slice(0, 23) ?? null],
      );
    }
  }
}

async function readTook(
  manager: EntityManager,
  { patientRef, knownUntil, generation }: { patientRef: string; knownUntil: string | null; generation: number },
  { file, offset }: BinlogPosition,
): Promise<Took> {
  // A feed that began anew while the push was on its way has left its markers' time with the chart; the markers that it
  // has read since have positions that say nothing about the change's.
  const rows: unknown = await manager.query(
    `SELECT CAST(changed AS CHAR) AS changedAt,
            CEIL(TIMESTAMPDIFF(MICROSECOND, changed, UTC_TIMESTAMP(6)) / 1000000) AS seconds
       FROM (SELECT LEAST(COALESCE(m.at, k.t), COALESCE(k.t, m.at)) AS changed
               FROM (SELECT COALESCE(NULLIF(CAST(? AS DATETIME(6)), CAST(? AS DATETIME(6))),
                                     (SELECT NULLIF(failed_t, CAST(? AS DATETIME(6)))
                                        FROM chart WHERE patient_ref = UNHEX(?))) AS t) k
               LEFT JOIN (SELECT at FROM marker_seen WHERE (file_no < ? OR (file_no = ? AND file_offset < ?))
                             AND EXISTS (SELECT 1 FROM feed_position WHERE generation = ?)
                           ORDER BY file_no DESC, file_offset DESC LIMIT 1) m ON TRUE) AS before_change`,
    [knownUntil, NEVER, NEVER, patientRef, file, file, offset, generation],
  );
  const took = Took.parse(rows)[0];
  // Less than nothing: the clock was set back in between.
  return took.seconds !== null && took.seconds < 0 ? NOT_KNOWN : took;
}

/** Times and versions of long ago go. */
export async function dropOldReleaseTimes(ledger: DataSource): Promise<void> {
  await ledger.transaction(async (manager) => {
    await manager.query(`DELETE FROM release_time WHERE day < CAST(UTC_DATE() - INTERVAL ${KEPT} AS CHAR)`);
    await manager.query(`DELETE FROM late_release WHERE acked_at < UTC_TIMESTAMP(3) - INTERVAL ${KEPT}`);
    await forgetVersions(manager, KEPT);
    crashPoint('before-commit:release-times-forgotten');
  });
  crashPoint('after-commit:release-times-forgotten');
}
