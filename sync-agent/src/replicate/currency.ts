import type { EntityManager } from 'typeorm';
import { TIMES } from 'sync-contract/limits';
import { z } from 'zod';
import type { BinlogPosition } from '../openemr/snapshot.js';
import { lockFeed } from './chart-row.js';

/** How current the replica is: `practice` for every chart but the exceptions. Instants in UTC with milliseconds. */
export interface Currency {
  practice: string;
  /** patientRef → its own, older time */
  exceptions: ReadonlyMap<string, string>;
}

const Marker = z.object({ place: z.string(), at: z.string() });
export type Marker = z.infer<typeof Marker>;
const Markers = z.array(Marker);
const LaggingChart = z.object({
  patientRef: z.string(),
  /** of its oldest dirty row; null when it has none */
  place: z.string().nullable(),
  failedT: z.string().nullable(),
});
type LaggingChart = z.infer<typeof LaggingChart>;
const Charts = z.array(LaggingChart);
const DirtyCharts = z.array(z.object({ patientRef: z.string(), place: z.string() }));
const OldMarkers = z.array(z.object({ generation: z.number(), file: z.coerce.number(), offset: z.coerce.number() }));
const Pids = z.array(z.object({ pid: z.coerce.number() }));

/** Binlog places as text that sorts as they do. */
export const PLACE = "CONCAT(LPAD(file_no, 10, '0'), '/', LPAD(file_offset, 18, '0'))";
/** Milliseconds are cut, never rounded up: a later time would promise too much. */
export const INSTANT = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%d %H:%i:%s.%f')`;
const KEPT = '1 HOUR';
/** The time of a chart of which none is known. */
export const UNKNOWN = "'1970-01-01 00:00:00'";
const PAGE = 500;
/** Behind every place. */
const END: BinlogPosition = { file: Number.MAX_SAFE_INTEGER, offset: 0 };

/**
 * T of the practice and of the charts that lag behind it. A chart with dirty rows is as current as the last clock marker
 * that was read before the oldest of them, any other as the last marker. Null until a marker was read.
 */
export async function readCurrency(manager: EntityManager): Promise<Currency | null> {
  return currencyOf(await readMarkers(manager), await readLaggingCharts(manager));
}

/** @param markers in the order of their places @param lagging charts with dirty rows, or with an older time of their own */
export function currencyOf(markers: readonly Marker[], lagging: readonly LaggingChart[]): Currency | null {
  const newest = markers.at(-1);
  if (newest === undefined) {
    return null;
  }
  const exceptions = new Map<string, string>();
  for (const chart of lagging) {
    const t = chart.failedT ?? markerBefore(markers, chart.place ?? '');
    if (t !== null && t < newest.at) {
      exceptions.set(chart.patientRef, toInstant(t));
    } else if (t === null) {
      exceptions.set(chart.patientRef, new Date(0).toISOString());
    }
  }
  return { practice: toInstant(newest.at), exceptions };
}

/**
 * Drops old markers; charts that need one of them keep their time in `failed_t`. Written under the feed's lock: a chart that
 * is settled meanwhile would otherwise keep a time of its own that nothing ends before its next change.
 */
export async function pruneMarkers(manager: EntityManager): Promise<void> {
  const rows: unknown = await manager.query(
    `SELECT f.generation, m.file_no AS file, m.file_offset AS \`offset\` FROM marker_seen m JOIN feed_position f ON f.id = 1
      WHERE m.at < UTC_TIMESTAMP(6) - INTERVAL ${KEPT} ORDER BY m.file_no DESC, m.file_offset DESC LIMIT 1`,
  );
  const [newest] = OldMarkers.parse(rows);
  if (newest === undefined) {
    return;
  }
  // Before the lock, because it takes its time when many charts wait; no row becomes dirty at so old a place any more.
  const pids = await dirtyUpTo(manager, newest);
  const { generation } = await lockFeed(manager);
  if (generation !== newest.generation) {
    return;
  }
  await keepTimes(manager, pids, newest);
  // The newest of the old ones stays: it is the time of a row that became dirty right after it.
  await manager.query('DELETE FROM marker_seen WHERE file_no < ? OR (file_no = ? AND file_offset < ?)', [
    newest.file,
    newest.file,
    newest.offset,
  ]);
}

/**
 * Under the feed's lock: writes down how current every chart is, before the positions that say it lose their meaning; the
 * caller makes all of them dirty. A marker that was written since the last one may never be read: the clock itself tells
 * whether it was set back.
 */
export async function freezeCurrency(manager: EntityManager): Promise<void> {
  const rows: unknown = await manager.query(`SELECT ${INSTANT('UTC_TIMESTAMP(6)')} AS at`);
  const clock = z.tuple([z.object({ at: z.string() })]).parse(rows)[0].at;
  await forgetWhenSetBack(manager, clock);
  await keepTimes(manager, await dirtyUpTo(manager, END), END);
  const newest = (await readMarkers(manager)).at(-1)?.at;
  if (newest !== undefined) {
    await manager.query('UPDATE chart SET failed_t = ? WHERE failed_t IS NULL', [newest]);
  }
  await manager.query('UPDATE feed_position SET clock_at = GREATEST(?, ?) WHERE id = 1', [clock, newest ?? clock]);
}

/** Charts without a time of their own that have a dirty row up to a place, by their pids. */
async function dirtyUpTo(manager: EntityManager, { file, offset }: BinlogPosition): Promise<number[]> {
  const rows: unknown = await manager.query(
    `SELECT c.pid FROM (SELECT DISTINCT pid FROM dirty WHERE file_no < ? OR (file_no = ? AND file_offset <= ?)) d
       JOIN chart c ON c.pid = d.pid
      WHERE c.failed_t IS NULL`,
    [file, file, offset],
  );
  return Pids.parse(rows).map(({ pid }) => pid);
}

/**
 * Under the feed's lock: those of these charts that have no time of their own, and still have a dirty row up to the place,
 * get that of the last marker before the oldest one. Found without locks and written by their keys: who ends an access
 * locks the chart before its dirty rows.
 */
async function keepTimes(
  manager: EntityManager,
  pids: readonly number[],
  { file, offset }: BinlogPosition,
): Promise<void> {
  const markers = await readMarkers(manager);
  for (let i = 0; i < pids.length; i += PAGE) {
    const rows: unknown = await manager.query(
      `SELECT LOWER(HEX(c.patient_ref)) AS patientRef, MIN(${PLACE}) AS place
         FROM dirty d JOIN chart c ON c.pid = d.pid
        WHERE d.pid IN (?) AND (file_no < ? OR (file_no = ? AND file_offset <= ?)) AND c.failed_t IS NULL
        GROUP BY c.patient_ref`,
      [pids.slice(i, i + PAGE), file, file, offset],
    );
    const byTime = Map.groupBy(DirtyCharts.parse(rows), ({ place }) => markerBefore(markers, place));
    for (const [t, charts] of byTime) {
      await manager.query(`UPDATE chart SET failed_t = COALESCE(?, ${UNKNOWN}) WHERE patient_ref IN (?)`, [
        t,
        charts.map(({ patientRef }) => Buffer.from(patientRef, 'hex')),
      ]);
    }
  }
}

/** Whether the clock that wrote the markers was set back before it wrote this one. @param newest of those before it */
export function wasSetBack(newest: string, marker: string): boolean {
  return Date.parse(toInstant(newest)) - Date.parse(toInstant(marker)) > TIMES.skewAlarm;
}

/**
 * Under the feed's lock, before a marker is noted: when it is earlier than one before it, every time that is kept may have
 * come from a clock that was ahead, and nobody knows since when. @returns whether times were forgotten
 */
export async function forgetWhenSetBack(manager: EntityManager, marker: string): Promise<boolean> {
  // After a feed began anew no marker tells how late it was before, and charts' own times may be earlier than that.
  const rows: unknown = await manager.query(
    `SELECT COALESCE((SELECT ${INSTANT('MAX(at)')} FROM marker_seen),
                     (SELECT ${INSTANT('clock_at')} FROM feed_position WHERE id = 1),
                     (SELECT ${INSTANT('MAX(failed_t)')} FROM chart)) AS at`,
  );
  const newest = z.tuple([z.object({ at: z.string().nullable() })]).parse(rows)[0].at;
  const isBack = newest !== null && wasSetBack(newest, marker);
  if (isBack) {
    await disownClaimedTimes(manager);
  }
  return isBack;
}

/**
 * Under the feed's lock: no time of before is claimed any more, of no chart and no section. T is that of the next marker,
 * and charts with dirty rows have none until they are rendered. A render under way settles no dirty row.
 */
export async function disownClaimedTimes(manager: EntityManager): Promise<void> {
  await manager.query('DELETE FROM marker_seen');
  await manager.query(`UPDATE chart SET failed_t = ${UNKNOWN} WHERE failed_t IS NOT NULL`);
  await manager.query(`UPDATE chart_section SET as_of = ${UNKNOWN} WHERE as_of > ${UNKNOWN}`);
  await manager.query('UPDATE feed_position SET generation = generation + 1, clock_at = NULL WHERE id = 1');
}

/** In the order of their places. */
export async function readMarkers(manager: EntityManager): Promise<Marker[]> {
  const rows: unknown = await manager.query(
    `SELECT ${PLACE} AS place, ${INSTANT('at')} AS at FROM marker_seen ORDER BY file_no, file_offset`,
  );
  return Markers.parse(rows);
}

/** Charts in the DMZ that have dirty rows; a time of their own only those have. */
async function readLaggingCharts(manager: EntityManager): Promise<LaggingChart[]> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(c.patient_ref)) AS patientRef, d.place, ${INSTANT('c.failed_t')} AS failedT
       FROM chart c LEFT JOIN (SELECT pid, MIN(${PLACE}) AS place FROM dirty GROUP BY pid) d ON d.pid = c.pid
      WHERE c.seq > 0 AND (d.place IS NOT NULL OR c.failed_t IS NOT NULL)`,
  );
  return Charts.parse(rows);
}

/** Its time; null when the place is not behind any. */
export function markerBefore(markers: readonly Marker[], place: string): string | null {
  let found: string | null = null;
  for (const marker of markers) {
    if (marker.place >= place) {
      break;
    }
    found = marker.at;
  }
  return found;
}

export function toInstant(at: string): string {
  return `${at.slice(0, 23).replace(' ', 'T')}Z`;
}
