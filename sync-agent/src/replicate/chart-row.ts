import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { RecordClass } from 'sync-contract/classes';
import { POLLED, type BinlogPosition } from '../openemr/snapshot.js';
import type { KnownRecord } from '../openemr/compare-patients.js';
import type { KnownThreads } from '../openemr/mail-thread.js';

/** A chart as the ledger has it, read before the snapshot that a render takes. */
export interface ChartToRender {
  patientRef: string;
  pid: number;
  era: number;
  seq: number;
  attemptedSeq: number;
  epoch: number;
  chartKeyWrapped: Buffer;
  /** the database's clock, UTC: nothing committed before it is missing in a snapshot taken now */
  readAt: string;
  dirty: DirtyRow[];
  /** whose record the chart is made of, as the ledger knows it */
  known: KnownRecord;
  /** the DMZ's manifest says that the chart is frozen */
  frozenShown: boolean;
  /** the chart's own, older time, `failed_t`; null when it has none */
  knownUntil: string | null;
  /** the last look of polling: what was marked at it is in every snapshot taken now; null when the binlog is read */
  polledAt: BinlogPosition | null;
  /** of the feed's positions when this was read: those of another generation cannot be compared */
  generation: number;
}

export interface DirtyRow {
  recordClass: RecordClass;
  position: BinlogPosition;
  touches: number;
}

/** A section the gateway acknowledged. */
export interface AckedSection {
  name: string;
  recordClass: string;
  sectionId: string;
  era: number;
  seq: number;
  epoch: number;
  contentHash: string;
  sha256: string;
  size: number;
  asOf: string;
  entries: number;
}

const Charts = z.array(
  z.object({
    patientRef: z.string(),
    pid: z.coerce.number(),
    era: z.number(),
    seq: z.coerce.number(),
    attemptedSeq: z.coerce.number(),
    epoch: z.number(),
    chartKeyWrapped: z.instanceof(Buffer),
    readAt: z.string(),
    knownUntil: z.string().nullable(),
    generation: z.number(),
    looks: z.coerce.number().nullable(),
    frozenShown: z.coerce.boolean(),
    recordId: z.coerce.number().nullable(),
    nameMac: z.string().nullable(),
    birthMac: z.string().nullable(),
  }),
);
const DirtyRows = z.array(
  z.object({
    recordClass: RecordClass,
    file: z.coerce.number(),
    offset: z.coerce.number(),
    touches: z.number(),
  }),
);
const Sections = z.array(
  z.object({
    name: z.string(),
    recordClass: z.string(),
    sectionId: z.string(),
    era: z.number(),
    seq: z.coerce.number(),
    epoch: z.number(),
    contentHash: z.string(),
    sha256: z.string(),
    size: z.number(),
    asOf: z.string(),
    entries: z.number(),
  }),
);
const Owed = z.array(z.object({ name: z.string() }));
const Threads = z.array(
  z.object({
    threadId: z.string(),
    firstPatientMailId: z.coerce.number().nullable(),
    topic: z.string(),
    subject: z.string(),
  }),
);
const Mails = z.array(z.object({ mailId: z.coerce.number(), submissionId: z.string().nullable() }));

const INSTANT = "'%Y-%m-%dT%H:%i:%s.%f'";
/** Before the feed's first position it is 0. */
const GENERATION = 'COALESCE((SELECT generation FROM feed_position WHERE id = 1), 0)';
const LOOKS = `(SELECT file_offset FROM feed_position WHERE id = 1 AND file_no = ${String(POLLED)})`;
const UUID = (column: string): string =>
  `LOWER(INSERT(INSERT(INSERT(INSERT(HEX(${column}), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'))`;

/** Null when the chart is not replicated: not invited or enrolled, frozen, revoked, stopped. */
export async function readChartToRender(manager: EntityManager, patientRef: string): Promise<ChartToRender | null> {
  return readChart(manager, patientRef, "p.state IN ('invited', 'enrolled')");
}

/**
 * Null when the chart is not frozen, has never been in the DMZ, is stopped, or is there as it should be: marked, and
 * without what was withdrawn.
 */
export async function readChartToMark(manager: EntityManager, patientRef: string): Promise<ChartToRender | null> {
  return readChart(manager, patientRef, FROZEN_AND_UNMARKED);
}

/** Whose sections are not known, as after a restore, keeps what the DMZ has. */
const FROZEN_AND_UNMARKED = `p.state = 'frozen' AND c.seq > 0
    AND EXISTS (SELECT 1 FROM chart_section s LEFT JOIN withdrawn_class w USING (patient_ref, record_class)
                 WHERE s.patient_ref = c.patient_ref AND (c.frozen_shown = 0 OR w.record_class IS NOT NULL))`;

async function readChart(manager: EntityManager, patientRef: string, which: string): Promise<ChartToRender | null> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(c.patient_ref)) AS patientRef, c.pid, c.era, c.seq, c.attempted_seq AS attemptedSeq, c.epoch,
            c.chart_key_wrapped AS chartKeyWrapped, CAST(c.failed_t AS CHAR) AS knownUntil,
            DATE_FORMAT(UTC_TIMESTAMP(6), ${INSTANT}) AS readAt,
            ${GENERATION} AS generation, ${LOOKS} AS looks, c.frozen_shown AS frozenShown, p.record_id AS recordId,
            LOWER(HEX(p.name_mac)) AS nameMac, LOWER(HEX(p.birth_mac)) AS birthMac
       FROM chart c JOIN patient p ON p.pid = c.pid
      WHERE c.patient_ref = UNHEX(?) AND ${which} AND c.stopped_reason IS NULL`,
    [patientRef],
  );
  const [chart] = Charts.parse(rows);
  if (chart === undefined) {
    return null;
  }
  const dirty: unknown = await manager.query(
    'SELECT record_class AS recordClass, file_no AS file, file_offset AS `offset`, touches FROM dirty WHERE pid = ?',
    [chart.pid],
  );
  const { recordId, nameMac, birthMac, looks } = chart;
  return {
    ...chart,
    polledAt: looks === null ? null : { file: POLLED, offset: looks },
    known: { recordId, nameMac, birthMac },
    readAt: toInstant(chart.readAt),
    dirty: DirtyRows.parse(dirty).map(({ recordClass, file, offset, touches }) => ({
      recordClass,
      position: { file, offset },
      touches,
    })),
  };
}

const PAGE = 500;
const Refs = z.array(z.object({ pid: z.coerce.number(), patientRef: z.string() }));

/**
 * Charts that have changes no manifest contains and may be replicated, or are to be marked, all of them, in pages. First
 * those that somebody can open: nobody sees yet what belongs to an invite that is not used.
 */
export async function* dirtyCharts(manager: EntityManager): AsyncGenerator<string[]> {
  yield* pagesOf(manager, `p.state = 'enrolled' AND ${DIRTY} OR ${FROZEN_AND_UNMARKED}`);
  yield* pagesOf(manager, `p.state = 'invited' AND ${DIRTY}`);
}

const DIRTY = 'EXISTS (SELECT 1 FROM dirty d WHERE d.pid = c.pid)';

async function* pagesOf(manager: EntityManager, which: string): AsyncGenerator<string[]> {
  let last: number | undefined;
  do {
    const rows: unknown = await manager.query(
      `SELECT c.pid, LOWER(HEX(c.patient_ref)) AS patientRef
         FROM chart c JOIN patient p ON p.pid = c.pid
        WHERE c.pid > ? AND c.stopped_reason IS NULL AND (${which})
        ORDER BY c.pid LIMIT ?`,
      [last ?? 0, PAGE],
    );
    const charts = Refs.parse(rows);
    yield charts.map(({ patientRef }) => patientRef);
    last = charts.length < PAGE ? undefined : charts.at(-1)?.pid;
  } while (last !== undefined);
}

export async function readAckedSections(manager: EntityManager, patientRef: string): Promise<AckedSection[]> {
  const rows: unknown = await manager.query(
    `SELECT name, record_class AS recordClass, LOWER(HEX(section_id)) AS sectionId, era, seq, epoch,
            LOWER(HEX(content_hash)) AS contentHash, LOWER(HEX(sha256)) AS sha256, size,
            DATE_FORMAT(as_of, ${INSTANT}) AS asOf, entries
       FROM chart_section WHERE patient_ref = UNHEX(?)`,
    [patientRef],
  );
  return Sections.parse(rows).map((section) => ({ ...section, asOf: toInstant(section.asOf) }));
}

/** Classes of a frozen chart that leave the DMZ until a person confirms. */
export async function readWithdrawn(manager: EntityManager, patientRef: string): Promise<string[]> {
  const rows: unknown = await manager.query(
    'SELECT record_class AS recordClass FROM withdrawn_class WHERE patient_ref = UNHEX(?)',
    [patientRef],
  );
  return z
    .array(z.object({ recordClass: z.string() }))
    .parse(rows)
    .map(({ recordClass }) => recordClass);
}

/** Names of the chart's sections whose bytes the DMZ was found to lack. */
export async function readOwedSections(manager: EntityManager, patientRef: string): Promise<string[]> {
  const rows: unknown = await manager.query(
    'SELECT name FROM chart_section WHERE patient_ref = UNHEX(?) AND owed = 1',
    [patientRef],
  );
  return Owed.parse(rows).map(({ name }) => name);
}

export async function readKnownThreads(manager: EntityManager, pid: number): Promise<KnownThreads> {
  const threads: unknown = await manager.query(
    `SELECT LOWER(HEX(thread_id)) AS threadId, first_patient_mail_id AS firstPatientMailId, topic, subject
       FROM thread WHERE pid = ?`,
    [pid],
  );
  const mails: unknown = await manager.query(
    `SELECT m.mail_id AS mailId, ${UUID('m.submission_id')} AS submissionId
       FROM thread_mail m JOIN thread t ON t.thread_id = m.thread_id WHERE t.pid = ?`,
    [pid],
  );
  return { threads: Threads.parse(threads), mails: Mails.parse(mails) };
}

/** Which of these submissions no acknowledged manifest contained so far. */
export async function readUnsettled(manager: EntityManager, submissionIds: readonly string[]): Promise<string[]> {
  if (submissionIds.length === 0) {
    return [];
  }
  const rows: unknown = await manager.query(
    `SELECT ${UUID('submission_id')} AS submissionId FROM submission
      WHERE settled_at IS NULL AND submission_id IN (?)`,
    [submissionIds.map((id) => Buffer.from(id.replaceAll('-', ''), 'hex'))],
  );
  return z
    .array(z.object({ submissionId: z.string() }))
    .parse(rows)
    .map(({ submissionId }) => submissionId);
}

/** Until the end of the transaction the feed waits. */
export async function lockFeed(manager: EntityManager): Promise<{ generation: number }> {
  const rows: unknown = await manager.query('SELECT generation FROM feed_position WHERE id = 1 FOR UPDATE');
  return z.array(z.object({ generation: z.number() })).parse(rows)[0] ?? { generation: 0 };
}

/** Milliseconds are cut, not rounded. */
function toInstant(text: string): string {
  return `${text.slice(0, 23)}Z`;
}
