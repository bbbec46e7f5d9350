import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { crashPoint } from '../crash-point.js';
import { HELD_LOSS_SENTENCE, VANISHING_SENTENCE } from '../ledger/stand-still.js';
import { READABLE_CLASSES } from '../openemr/read-chart.js';
import type { ChartToRender } from './chart-row.js';

/** Losses of so long count together, minutes. */
const COUNTED = 60;
/** Fewer are an ordinary correction, however small the practice. */
const FEWEST = 100;
/** One in so many of all entries. */
const SHARE = 100;
/** A chart that loses its last clinical entries and fewer than so many loses one that was wrong, or a visit. */
const FEWEST_OF_CHART = 5;
/** The same of one class, where a panel that was filed wrongly is many entries, and of one visit, which is in several. */
const FEWEST_AT_ONCE = 30;
/** Charts whose last entries of one class go: in fewer they happen to be wrong at the same time. */
const FEWEST_CHARTS = 3;
/** The same of what the practice itself removes every day. */
const FEWEST_CHARTS_OF_OFFICE = 5;
/** One in so many of the charts that have the class. */
const SHARE_OF_CHARTS = 100;
/** Appointments leave their section when a year is over, those of many charts on the same first of a month. */
const SHARE_OF_AGEING = 2;
const AGEING: RecordClass = 'appointments';
/** Who the patient is, when, where and at what cost he is seen, and what was written: there without any care. */
const NOT_CLINICAL: readonly RecordClass[] = ['profile', 'coverage', 'appointments', 'billing', 'messages', 'practice'];
const CLINICAL: readonly string[] = READABLE_CLASSES.filter((recordClass) => !NOT_CLINICAL.includes(recordClass));
const OF_OFFICE: readonly string[] = [...NOT_CLINICAL, 'documents'];
/** What goes with a visit that is deleted. Each repeats the people and places of it. */
const OF_VISIT: readonly string[] = [
  'encounters',
  'vitals',
  'notes',
  'assessments',
  'care-plan',
  'goals',
  'procedures',
  'reports',
] satisfies RecordClass[];

/**
 * OpenEMR's rows vanish in such a number that it is more likely a mishap than a correction: a table that was emptied, a
 * restore that is under way, another database. What would lose entries keeps its last state in the DMZ, ageing, until a
 * person has looked. Charts that lose nothing go on.
 */
export class TooMuchVanished extends Error {
  readonly code = 'too-much-vanished';
  readonly logLevel = 'error';
  constructor() {
    super(VANISHING_SENTENCE);
  }
}

/** A chart would lose all that is clinical. It alone waits for a person. */
export class WholeChartVanished extends Error {
  readonly code = 'whole-chart-vanished';
  readonly logLevel = 'error';
  constructor() {
    super(HELD_LOSS_SENTENCE);
  }
}

interface Counted {
  recordClass: string;
  entries: number;
}

/** What a push would do to a chart's entries. */
interface Loss {
  patientRef: string;
  seq: number;
  /** of all classes together; 0 when as many came elsewhere */
  entries: number;
  /** classes that lose entries, at least one */
  classes: readonly LossOfClass[];
  /** clinical entries that the chart would be left with */
  clinicalLeft: number;
}

interface LossOfClass extends Counted {
  emptied: boolean;
}

const State = z.tuple([
  z.object({
    stopped: z.coerce.boolean(),
    allowed: z.coerce.boolean(),
    counted: z.coerce.number(),
    all: z.coerce.number(),
  }),
]);
const OfChart = z.array(z.object({ recordClass: z.string(), entries: z.coerce.number() }));
const Held = z.array(z.object({ allowed: z.coerce.boolean() }));
const Charts = z.tuple([z.object({ emptied: z.coerce.number(), holding: z.coerce.number() })]);

type Judgement = 'goes' | 'stopped' | 'held';

/**
 * Writes down what this push would take away from the chart, and refuses when within an hour that is more than a
 * hundredth of all entries, the last of all clinical entries of the chart, or the last of one class in several charts.
 * Those that went out before the several were complete come back with OpenEMR's rows. A push that is tried again counts
 * once.
 * @throws TooMuchVanished, WholeChartVanished
 */
export async function assertMayVanish(
  ledger: DataSource,
  { patientRef, seq }: ChartToRender,
  chart: {
    /** as acknowledged, of the classes that were rendered */
    before: readonly Counted[];
    after: readonly Counted[];
    /** as acknowledged, of the other classes */
    others: readonly Counted[];
  },
): Promise<void> {
  // By the class, not by the section: a result that moves to another year has not vanished.
  const classes = lossesByClass(chart.before, chart.after);
  if (classes.length === 0) {
    crashPoint('before-commit:held-loss-ended');
    await ledger.query('DELETE FROM held_loss WHERE patient_ref = UNHEX(?)', [patientRef]);
    crashPoint('after-commit:held-loss-ended');
    return;
  }
  // What comes to other classes may be the same entries elsewhere: the share of all counts by the chart.
  const entries = Math.max(0, sum(chart.before) - sum(chart.after));
  const clinicalLeft = sum([...chart.after, ...chart.others].filter(isClinical));
  const loss: Loss = { patientRef, seq, entries, classes, clinicalLeft };
  const judgement = await ledger.transaction(async (manager) => {
    const outcome = await note(manager, loss);
    crashPoint('before-commit:vanished');
    return outcome;
  });
  crashPoint('after-commit:vanished');
  if (judgement !== 'goes') {
    throw judgement === 'held' ? new WholeChartVanished() : new TooMuchVanished();
  }
}

async function note(manager: EntityManager, loss: Loss): Promise<Judgement> {
  const { patientRef, seq, entries } = loss;
  // The row's lock makes losses of several charts at once wait for each other.
  const rows: unknown = await manager.query(
    `SELECT vanishing_stopped_at IS NOT NULL AS stopped,
            COALESCE(vanishing_allowed_until > UTC_TIMESTAMP(3), 0) AS allowed,
            (SELECT COALESCE(SUM(entries), 0) FROM vanished WHERE at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE)
                AND NOT (patient_ref = UNHEX(?) AND seq = ?)) AS counted,
            (SELECT COALESCE(SUM(entries), 0) FROM chart_section) AS \`all\`
       FROM reconciliation_state WHERE id = 1 FOR UPDATE`,
    [COUNTED, patientRef, seq],
  );
  const [state] = State.parse(rows);
  if (state.allowed) {
    return 'goes';
  }
  if (state.stopped) {
    return 'stopped';
  }
  for (const table of ['vanished', 'vanished_class']) {
    await manager.query(`DELETE FROM ${table} WHERE at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE)`, [COUNTED]);
  }
  const counted = state.counted + entries;
  if ((counted >= FEWEST && counted * SHARE > state.all + state.counted) || (await isOfManyCharts(manager, loss))) {
    await manager.query('UPDATE reconciliation_state SET vanishing_stopped_at = UTC_TIMESTAMP(3) WHERE id = 1');
    return 'stopped';
  }
  const held = await readHeld(manager, loss);
  if (held !== undefined) {
    return held.allowed ? await forget(manager, patientRef) : 'held';
  }
  const holds = await isWholeChart(manager, loss);
  if (holds) {
    await manager.query(
      `REPLACE INTO held_loss (patient_ref, seq, held_at, allowed_at) VALUES (UNHEX(?), ?, UTC_TIMESTAMP(3), NULL)`,
      [patientRef, seq],
    );
  }
  // What waits counts as well: several charts that are emptied are more than one of them.
  await keep(manager, loss);
  return holds ? 'held' : 'goes';
}

/** What a person has confirmed counts no more. */
async function forget(manager: EntityManager, patientRef: string): Promise<Judgement> {
  for (const table of ['vanished', 'vanished_class']) {
    await manager.query(`DELETE FROM ${table} WHERE patient_ref = UNHEX(?)`, [patientRef]);
  }
  return 'goes';
}

async function keep(manager: EntityManager, { patientRef, seq, entries, classes }: Loss): Promise<void> {
  await manager.query(
    'REPLACE INTO vanished (patient_ref, seq, entries, at) VALUES (UNHEX(?), ?, ?, UTC_TIMESTAMP(3))',
    [patientRef, seq, entries],
  );
  await manager.query('DELETE FROM vanished_class WHERE patient_ref = UNHEX(?) AND seq = ?', [patientRef, seq]);
  await manager.query(
    `INSERT INTO vanished_class (patient_ref, seq, record_class, entries, emptied, at)
      VALUES ${classes.map(() => '(UNHEX(?), ?, ?, ?, ?, UTC_TIMESTAMP(3))').join(', ')}`,
    classes.flatMap((each) => [patientRef, seq, each.recordClass, each.entries, each.emptied]),
  );
}

/**
 * Whether this loss of the whole chart waits for a person or is allowed, for the push after the chart's number. It waits
 * for as long as nothing clinical is left, however long ago a part of it went out.
 */
async function readHeld(
  manager: EntityManager,
  { patientRef, seq, clinicalLeft }: Loss,
): Promise<z.infer<typeof Held>[number] | undefined> {
  if (clinicalLeft > 0) {
    await manager.query('DELETE FROM held_loss WHERE patient_ref = UNHEX(?)', [patientRef]);
    return undefined;
  }
  const rows: unknown = await manager.query(
    'SELECT allowed_at IS NOT NULL AS allowed FROM held_loss WHERE patient_ref = UNHEX(?) AND seq = ?',
    [patientRef, seq],
  );
  return Held.parse(rows)[0];
}

/** Nothing clinical is left of a chart that had more than one mistake could have put there. */
async function isWholeChart(
  manager: EntityManager,
  { patientRef, seq, classes, clinicalLeft }: Loss,
): Promise<boolean> {
  if (clinicalLeft > 0) {
    return false;
  }
  // Tables are emptied one after the other: what the same hour took before counts as well.
  const rows: unknown = await manager.query(
    `SELECT record_class AS recordClass, entries FROM vanished_class
      WHERE patient_ref = UNHEX(?) AND seq <> ? AND at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE)`,
    [patientRef, seq, COUNTED],
  );
  const lost = [...OfChart.parse(rows), ...classes].filter(isClinical);
  const names = new Set(lost.map(({ recordClass }) => recordClass));
  const atOnce = names.size === 1 || [...names].every((name) => OF_VISIT.includes(name));
  return sum(lost) >= (atOnce ? FEWEST_AT_ONCE : FEWEST_OF_CHART);
}

/** A class that becomes empty here has done so in several charts, and in more than a hundredth of those that have it. */
async function isOfManyCharts(manager: EntityManager, { patientRef, classes }: Loss): Promise<boolean> {
  for (const { recordClass } of classes.filter(({ emptied }) => emptied)) {
    // Whoever has entries of the class again by a later push lost none: OpenEMR wrote them anew in two steps.
    const rows: unknown = await manager.query(
      `SELECT (SELECT COUNT(DISTINCT v.patient_ref) FROM vanished_class v
                WHERE v.record_class = ? AND v.emptied = 1 AND v.patient_ref <> UNHEX(?)
                  AND v.at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE)
                  AND NOT EXISTS (SELECT 1 FROM chart_section s WHERE s.patient_ref = v.patient_ref
                                     AND s.record_class = v.record_class AND s.entries > 0 AND s.seq > v.seq)) AS emptied,
              (SELECT COUNT(DISTINCT patient_ref) FROM chart_section WHERE record_class = ? AND entries > 0) AS holding`,
      [recordClass, patientRef, COUNTED, recordClass],
    );
    const [{ emptied, holding }] = Charts.parse(rows);
    const share = recordClass === AGEING ? SHARE_OF_AGEING : SHARE_OF_CHARTS;
    const fewest = OF_OFFICE.includes(recordClass) ? FEWEST_CHARTS_OF_OFFICE : FEWEST_CHARTS;
    // This chart is one of those that still have it.
    if (emptied + 1 >= fewest && (emptied + 1) * share > holding + emptied) {
      return true;
    }
  }
  return false;
}

function lossesByClass(before: readonly Counted[], after: readonly Counted[]): LossOfClass[] {
  const left = Map.groupBy(after, ({ recordClass }) => recordClass);
  return [...Map.groupBy(before, ({ recordClass }) => recordClass)]
    .map(([recordClass, had]) => {
      const still = sum(left.get(recordClass) ?? []);
      return { recordClass, entries: sum(had) - still, emptied: still === 0 };
    })
    .filter(({ entries }) => entries > 0);
}

function isClinical({ recordClass }: Counted): boolean {
  return CLINICAL.includes(recordClass);
}

function sum(sections: readonly Counted[]): number {
  return sections.reduce((total, { entries }) => total + entries, 0);
}
