import type { EntityManager } from 'typeorm';
import { TIMES } from 'sync-contract/limits';
import { z } from 'zod';
import { POLLED } from '../openemr/snapshot.js';
import { HELD_LOSS_SENTENCE, RESTORE_UNFINISHED, VANISHING_SENTENCE } from '../ledger/stand-still.js';
import { describeClassLags, readClassLags, type ClassLags } from './class-lag.js';
import { readCurrency } from './currency.js';
import { describeProgress, readProgress, type Progress } from './read-progress.js';

/** What an operator asks first; ids and numbers only. */
export interface AgentStatus {
  /** every change committed before this is in the DMZ, but for the charts that lag; null before the first clock marker, or full pass, also after a clock was wrong */
  currentAsOf: string | null;
  /** seconds between that and the database's clock, less than 0 when that was set back since */
  lagSeconds: number | null;
  classLagSeconds: ClassLags;
  /** seconds by which the database's clock is ahead of this machine's, less than 0 when it is behind */
  clockAheadSeconds: number;
  chartsLagging: number;
  charts: number;
  chartsPushed: number;
  dirtyRows: number;
  progress: Progress;
  /** since the chart that has been frozen longest waits for a person; null when none is */
  oldestFrozenSeconds: number | null;
  /** by where their access stands; `notShredded` of the revoked, the DMZ has not said so of */
  patients: { invited: number; enrolled: number; frozen: number; revoked: number; notShredded: number };
  feed: FeedStatus | null;
  submissionsWaiting: number;
  submissionsSetAside: number;
  streamsStopped: number;
  /** charts that wait for a new era, see `stops` */
  chartsStopped: number;
  heartbeatStopped: boolean;
  /** the sentences of what is stopped, each once */
  stops: string[];
  heartbeat: { era: number; seq: number } | null;
  /** the last comparison with the DMZ; null before the first */
  reconciliation: { at: string; differences: number } | null;
  /** the last time that everything was read from OpenEMR again; null before the first */
  readAgain: { at: string; differences: number } | null;
  /** losses wait for a person, of one chart or of all */
  vanishingStopped: boolean;
  /** gone from the DMZ before they were collected, and not confirmed by a person */
  submissionsLost: number;
  /** since when the DMZ is cut off; null while it is trusted */
  cut: string | null;
}

export interface FeedStatus {
  file: number;
  offset: number;
  recordedAt: string;
  /** since it recorded anything, by the database's clock; a clock marker or a look comes every 5 s */
  silentSeconds: number;
}

const Counts = z.array(
  z.object({
    now: z.string(),
    charts: z.coerce.number(),
    pushed: z.coerce.number(),
    dirty: z.coerce.number(),
    waiting: z.coerce.number(),
    setAside: z.coerce.number(),
    stopped: z.coerce.number(),
    chartsStopped: z.coerce.number(),
    lost: z.coerce.number(),
    invited: z.coerce.number(),
    enrolled: z.coerce.number(),
    frozen: z.coerce.number(),
    oldestFrozen: z.coerce.number().nullable(),
    revoked: z.coerce.number(),
    notShredded: z.coerce.number(),
  }),
);
const Feed = z.array(
  z.object({
    file: z.coerce.number(),
    offset: z.coerce.number(),
    recordedAt: z.date(),
    silentSeconds: z.coerce.number(),
  }),
);
const Compared = z.array(z.object({ kind: z.string(), at: z.date(), differences: z.number() }));
const Stops = z.array(z.object({ reason: z.string(), heartbeat: z.coerce.boolean(), vanishing: z.coerce.boolean() }));
const HeartbeatRow = z.array(z.object({ era: z.coerce.number(), seq: z.coerce.number() }));

/** Of a patient `p`; without a decision it was a restore long ago, and counts from the invite. */
const FROZEN_AT = `COALESCE((SELECT d.at FROM patient_decision d WHERE d.patient_ref = p.patient_ref AND d.decision = 'frozen'
                               ORDER BY d.id DESC LIMIT 1), p.created_at)`;

/** A feed that has recorded nothing for so long stands still, seconds: clock markers and looks come every 5 s. */
export const FEED_SILENCE = 300;

/** Null before the feed has recorded anything. */
export async function readFeed(manager: EntityManager): Promise<FeedStatus | null> {
  const rows: unknown = await manager.query(
    `SELECT file_no AS file, file_offset AS \`offset\`, committed_at AS recordedAt,
            GREATEST(0, TIMESTAMPDIFF(SECOND, committed_at, UTC_TIMESTAMP(3))) AS silentSeconds
       FROM feed_position WHERE id = 1`,
  );
  const [feed] = Feed.parse(rows);
  return feed === undefined ? null : { ...feed, recordedAt: feed.recordedAt.toISOString() };
}

export async function readStatus(manager: EntityManager): Promise<AgentStatus> {
  const clock = Date.now();
  const counts: unknown = await manager.query(
    `SELECT DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%dT%H:%i:%s.%f') AS now,
            (SELECT COUNT(*) FROM chart) AS charts, (SELECT COUNT(*) FROM chart WHERE seq > 0) AS pushed,
            (SELECT COUNT(*) FROM dirty) AS dirty,
            (SELECT COUNT(*) FROM submission WHERE state = 'RECEIVED') AS waiting,
            (SELECT COUNT(*) FROM submission WHERE state = 'QUARANTINED') AS setAside,
            (SELECT COUNT(*) FROM stream WHERE stopped_reason IS NOT NULL) AS stopped,
            (SELECT COUNT(*) FROM chart WHERE stopped_reason IS NOT NULL) AS chartsStopped,
            (SELECT COUNT(*) FROM lost_submission WHERE confirmed_at IS NULL) AS lost,
            (SELECT COUNT(*) FROM patient WHERE state = 'invited') AS invited,
            (SELECT COUNT(*) FROM patient WHERE state = 'enrolled') AS enrolled,
            (SELECT COUNT(*) FROM patient WHERE state = 'frozen') AS frozen,
            (SELECT GREATEST(0, TIMESTAMPDIFF(SECOND, MIN(${FROZEN_AT}), UTC_TIMESTAMP(3)))
               FROM patient p WHERE p.state = 'frozen') AS oldestFrozen,
            (SELECT COUNT(*) FROM patient WHERE state = 'revoked') AS revoked,
            (SELECT COUNT(*) FROM outgoing WHERE kind = 'revocation' AND pushed_at IS NULL) AS notShredded`,
  );
  const heartbeat: unknown = await manager.query('SELECT era, seq FROM heartbeat_state WHERE id = 1');
  const stops: unknown = await manager.query(
    `SELECT DISTINCT stopped_reason AS reason, 0 AS heartbeat, 0 AS vanishing FROM chart WHERE stopped_reason IS NOT NULL
      UNION SELECT stopped_reason, 1, 0 FROM heartbeat_state WHERE stopped_reason IS NOT NULL
      UNION SELECT ?, 1, 0 FROM restore_step WHERE step = 'era'
      UNION SELECT ?, 0, 1 FROM reconciliation_state WHERE vanishing_stopped_at IS NOT NULL
      UNION SELECT ?, 0, 1 FROM held_loss WHERE allowed_at IS NULL`,
    [RESTORE_UNFINISHED, VANISHING_SENTENCE, HELD_LOSS_SENTENCE],
  );
  const compared: unknown = await manager.query(
    `SELECT kind, ended_at AS at, differences FROM reconciliation
      WHERE id IN (SELECT MAX(id) FROM reconciliation GROUP BY kind)`,
  );
  const lastOf = (kind: string): AgentStatus['reconciliation'] => {
    const last = Compared.parse(compared).find((each) => each.kind === kind);
    return last === undefined ? null : { at: last.at.toISOString(), differences: last.differences };
  };
  const cut: unknown = await manager.query('SELECT state, issued_at AS since FROM cut ORDER BY issued_at DESC LIMIT 1');
  const stopRows = Stops.parse(stops);
  const currency = await readCurrency(manager);
  const [count] = Counts.parse(counts);
  const now = Date.parse(`${(count?.now ?? '').slice(0, 23)}Z`);
  return {
    currentAsOf: currency?.practice ?? null,
    lagSeconds: currency === null ? null : Math.round((now - Date.parse(currency.practice)) / 1_000),
    classLagSeconds: await readClassLags(manager, now),
    clockAheadSeconds: Math.round((now - clock) / 1_000),
    chartsLagging: currency?.exceptions.size ?? 0,
    charts: count?.charts ?? 0,
    chartsPushed: count?.pushed ?? 0,
    dirtyRows: count?.dirty ?? 0,
    progress: await readProgress(manager),
    oldestFrozenSeconds: count?.oldestFrozen ?? null,
    patients: {
      invited: count?.invited ?? 0,
      enrolled: count?.enrolled ?? 0,
      frozen: count?.frozen ?? 0,
      revoked: count?.revoked ?? 0,
      notShredded: count?.notShredded ?? 0,
    },
    feed: await readFeed(manager),
    submissionsWaiting: count?.waiting ?? 0,
    submissionsSetAside: count?.setAside ?? 0,
    streamsStopped: count?.stopped ?? 0,
    chartsStopped: count?.chartsStopped ?? 0,
    heartbeatStopped: stopRows.some(({ heartbeat: ofHeartbeat }) => ofHeartbeat),
    stops: stopRows.map(({ reason }) => reason),
    heartbeat: HeartbeatRow.parse(heartbeat)[0] ?? null,
    reconciliation: lastOf('dmz'),
    readAgain: lastOf('openemr'),
    vanishingStopped: stopRows.some(({ vanishing }) => vanishing),
    submissionsLost: count?.lost ?? 0,
    cut: cutSince(cut),
  };
}

const CutRows = z.array(z.object({ state: z.enum(['cut', 'lifted']), since: z.date() }));

function cutSince(rows: unknown): string | null {
  const [newest] = CutRows.parse(rows);
  return newest?.state === 'cut' ? newest.since.toISOString() : null;
}

export function describeStatus(status: AgentStatus): string {
  const { feed, heartbeat, patients, reconciliation, readAgain } = status;
  const classesBehind = describeClassLags(status.classLagSeconds);
  const lines = [
    ...(status.cut === null ? [] : [`CUT OFF since ${status.cut}: the agent rests until \`cut --undo\``]),
    status.currentAsOf === null
      ? 'replica: nothing is known; the agent has not read a clock marker, or none since a clock was wrong'
      : `replica: current as of ${status.currentAsOf}, ${String(status.lagSeconds)} s ago`,
    ...(classesBehind === undefined ? [] : [classesBehind]),
    ...(Math.abs(status.clockAheadSeconds) * 1_000 > TIMES.skewAlarm
      ? [`clock: OpenEMR's database is ${String(status.clockAheadSeconds)} s ahead of this machine; set the clocks`]
      : []),
    `charts: ${String(status.chartsPushed)} of ${String(status.charts)} in the DMZ, ${String(status.chartsLagging)} lag behind, ` +
      `${String(status.chartsStopped)} stopped`,
    `patients: ${String(patients.enrolled)} enrolled, ${String(patients.invited)} invited, ${String(patients.frozen)} frozen, ` +
      `${String(patients.revoked)} revoked` +
      (patients.notShredded === 0 ? '' : ` (${String(patients.notShredded)} not shredded in the DMZ yet)`),
    ...(status.oldestFrozenSeconds === null
      ? []
      : [
          `frozen: ${String(patients.frozen)} charts wait for a person, the oldest for ${String(status.oldestFrozenSeconds)} s; ` +
            '`sync-agent patients` says why',
        ]),
    `dirty rows: ${String(status.dirtyRows)}`,
    describeProgress(status.progress),
    feed === null
      ? 'change feed: has not read anything yet'
      : feed.file === POLLED
        ? `change feed: polling, look ${String(feed.offset)}, recorded ${feed.recordedAt}`
        : `change feed: binlog ${String(feed.file)} at ${String(feed.offset)}, recorded ${feed.recordedAt}`,
    ...(feed !== null && feed.silentSeconds >= FEED_SILENCE
      ? [`change feed: STANDS STILL for ${String(feed.silentSeconds)} s; the agent is off, or its log says why`]
      : []),
    `submissions: ${String(status.submissionsWaiting)} to deliver, ${String(status.submissionsSetAside)} set aside, ` +
      `${String(status.streamsStopped)} streams stopped`,
    heartbeat === null
      ? 'heartbeat: none sent'
      : `heartbeat: ${String(heartbeat.era)}/${String(heartbeat.seq)}${status.heartbeatStopped ? ', stopped' : ''}`,
    reconciliation === null
      ? 'reconciliation: not compared with the DMZ yet'
      : `reconciliation: ${String(reconciliation.differences)} differences to the DMZ at ${reconciliation.at}`,
    readAgain === null
      ? 'reconciliation: not compared with OpenEMR yet'
      : `reconciliation: ${String(readAgain.differences)} differences to OpenEMR at ${readAgain.at}`,
    ...(status.submissionsLost === 0
      ? []
      : [`lost: ${String(status.submissionsLost)} submissions; \`sync-agent reconciliation\` names them`]),
    ...status.stops.map((reason) => `stopped: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}
