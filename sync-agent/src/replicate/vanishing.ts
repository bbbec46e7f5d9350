import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { HELD_LOSS_SENTENCE, VANISHING_SENTENCE } from '../ledger/stand-still.js';
import { readAckedClasses } from './acked-classes.js';
import type { Rendering } from './rendering.js';
import {
  COUNTED,
  isClinical,
  isMoreThanAMistake,
  isTooManyCharts,
  isTooMuch,
  lossesByClass,
  sum,
  type LossOfClass,
} from './vanishing-limits.js';

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

/** What a push would do to a chart's entries. */
interface Loss {
  patientRef: string;
  seq: number;
  /** of all classes together; 0 when as many came elsewhere */
  entries: number;
  /** classes that lose entries, at least one */
  classes: readonly LossOfClass[];
  /** clinical entries that were rendered */
  clinicalThere: number;
  /** clinical entries that the chart would be left with, those of classes that were not rendered among them */
  clinicalLeft: number;
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
 * once. What was there is what was ever acknowledged: that the DMZ is filled again forgets nothing of it.
 * @throws TooMuchVanished, WholeChartVanished
 */
export async function assertMayVanish(
  ledger: DataSource,
  { chart, classes: rendered, sections }: Rendering,
): Promise<void> {
  const { patientRef, seq } = chart;
  const isRendered = ({ recordClass }: { recordClass: string }): boolean =>
    rendered.some((each) => each === recordClass);
  const acked = await readAckedClasses(ledger, patientRef);
  const before = acked.filter(isRendered);
  const classes = lossesByClass(before, sections);
  if (classes.length === 0) {
    return;
  }
  // What comes to other classes may be the same entries elsewhere: the share of all counts by the chart.
  const entries = Math.max(0, sum(before) - sum(sections));
  const clinicalThere = sum(sections.filter(isClinical));
  const clinicalLeft = clinicalThere + sum(acked.filter((each) => !isRendered(each) && isClinical(each)));
  const loss: Loss = { patientRef, seq, entries, classes, clinicalThere, clinicalLeft };
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
            (SELECT COALESCE(SUM(entries), 0) FROM acked_class) AS \`all\`
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
  if (isTooMuch(state.counted + entries, state.all + state.counted) || (await isOfManyCharts(manager, loss))) {
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
      'REPLACE INTO held_loss (patient_ref, held_at, allowed_at) VALUES (UNHEX(?), UTC_TIMESTAMP(3), NULL)',
      [patientRef],
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
 * Whether the loss of the whole chart waits for a person or is allowed. It waits for as long as OpenEMR has nothing
 * clinical of the chart, however long ago a part of it went out, and also while a class of it cannot be read.
 */
async function readHeld(
  manager: EntityManager,
  { patientRef, clinicalThere }: Loss,
): Promise<z.infer<typeof Held>[number] | undefined> {
  if (clinicalThere > 0) {
    return undefined;
  }
  const rows: unknown = await manager.query(
    'SELECT allowed_at IS NOT NULL AS allowed FROM held_loss WHERE patient_ref = UNHEX(?)',
    [patientRef],
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
  return isMoreThanAMistake([...OfChart.parse(rows), ...classes]);
}

/** A class that becomes empty here has done so in several charts, and in more than a hundredth of those that have it. */
async function isOfManyCharts(manager: EntityManager, { patientRef, classes }: Loss): Promise<boolean> {
  for (const { recordClass } of classes.filter(({ emptied }) => emptied)) {
    // Whoever has entries of the class again by a later push lost none: OpenEMR wrote them anew in two steps.
    const rows: unknown = await manager.query(
      `SELECT (SELECT COUNT(DISTINCT v.patient_ref) FROM vanished_class v
                WHERE v.record_class = ? AND v.emptied = 1 AND v.patient_ref <> UNHEX(?)
                  AND v.at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE)
                  AND NOT EXISTS (SELECT 1 FROM acked_class a WHERE a.patient_ref = v.patient_ref
                                     AND a.record_class = v.record_class AND a.entries > 0 AND a.seq > v.seq)) AS emptied,
              (SELECT COUNT(*) FROM acked_class WHERE record_class = ? AND entries > 0) AS holding`,
      [recordClass, patientRef, COUNTED, recordClass],
    );
    const [{ emptied, holding }] = Charts.parse(rows);
    // This chart is one of those that still have it.
    if (isTooManyCharts(recordClass, emptied + 1, holding + emptied)) {
      return true;
    }
  }
  return false;
}
