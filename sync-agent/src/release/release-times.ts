import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import type { BinlogPosition } from '../openemr/snapshot.js';
import { crashPoint } from '../crash-point.js';
import { forgetVersions } from './released-sections.js';

/** Seconds; what takes longer than the last is counted under `BEYOND`. */
export const STEPS = [5, 10, 30, 60, 120, 300, 900, 3_600, 14_400, 86_400, 345_600] as const;
export const BEYOND = 0;
/** Seconds from OpenEMR's commit to the DMZ's acknowledgement that shall not be exceeded. */
export const AIM = 120;
/** SQL interval: for so long times and versions are kept. */
export const KEPT = '400 DAY';

/** A class of a chart of which changed sections were acknowledged, and the oldest change that they carry. */
export interface ReleasedClass {
  recordClass: string;
  changedAfter: BinlogPosition;
}

const Took = z.array(z.object({ changedAt: z.string(), seconds: z.coerce.number() }));

/**
 * In the transaction that settles a push, under the feed's lock: how long its changes took. A change counts from the last
 * clock marker before it, so up to five seconds (when polling: a full pass) too long and never too short; one that waited until its markers were
 * dropped, from the time that the chart kept instead.
 * @param knownUntil the chart's own older time, if it had one
 */
export async function noteReleaseTimes(
  manager: EntityManager,
  push: { patientRef: string; era: number; seq: number; generation: number; knownUntil: string | null },
  classes: readonly ReleasedClass[],
): Promise<void> {
  for (const { recordClass, changedAfter } of classes) {
    const { file, offset } = changedAfter;
    const rows: unknown = await manager.query(
      `SELECT changedAt, CEIL(TIMESTAMPDIFF(MICROSECOND, changedAt, UTC_TIMESTAMP(6)) / 1000000) AS seconds
         FROM (SELECT CAST(LEAST(m.at, COALESCE(CAST(? AS DATETIME(6)), m.at)) AS CHAR) AS changedAt
                 FROM marker_seen m JOIN feed_position f ON f.id = 1 AND f.generation = ?
                WHERE m.file_no < ? OR (m.file_no = ? AND m.file_offset < ?)
                ORDER BY m.file_no DESC, m.file_offset DESC LIMIT 1) AS before_change`,
      [push.knownUntil, push.generation, file, file, offset],
    );
    const [took] = Took.parse(rows);
    if (took === undefined) {
      // Nobody knows when it was: the agent has only begun to follow OpenEMR.
      continue;
    }
    await manager.query(
      `INSERT INTO release_time (day, record_class, within, changes) VALUES (CAST(UTC_DATE() AS CHAR), ?, ?, 1)
        ON DUPLICATE KEY UPDATE changes = changes + 1`,
      [recordClass, STEPS.find((step) => took.seconds <= step) ?? BEYOND],
    );
    if (took.seconds > AIM) {
      await manager.query(
        `REPLACE INTO late_release (patient_ref, era, seq, record_class, changed_at, acked_at)
          VALUES (UNHEX(?), ?, ?, ?, ?, UTC_TIMESTAMP(3))`,
        [push.patientRef, push.era, push.seq, recordClass, took.changedAt.slice(0, 23)],
      );
    }
  }
}

/** Times and versions of long ago go. */
export async function forgetTimes(ledger: DataSource): Promise<void> {
  await ledger.transaction(async (manager) => {
    await manager.query(`DELETE FROM release_time WHERE day < CAST(UTC_DATE() - INTERVAL ${KEPT} AS CHAR)`);
    await manager.query(`DELETE FROM late_release WHERE acked_at < UTC_TIMESTAMP(3) - INTERVAL ${KEPT}`);
    await forgetVersions(manager, KEPT);
    crashPoint('before-commit:release-times-forgotten');
  });
  crashPoint('after-commit:release-times-forgotten');
}
