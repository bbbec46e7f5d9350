import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { VANISHING_SENTENCE } from '../ledger/stand-still.js';
import type { ChartToRender } from './chart-row.js';

/** Losses of so long count together, minutes. */
const COUNTED = 60;
/** Fewer are an ordinary correction, however small the practice. */
const FEWEST = 100;
/** One in so many of all entries. */
const SHARE = 100;

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

interface Counted {
  entries: number;
}

const State = z.tuple([
  z.object({
    stopped: z.coerce.boolean(),
    allowed: z.coerce.boolean(),
    counted: z.coerce.number(),
    all: z.coerce.number(),
  }),
]);

/**
 * Writes down what this push would take away from the chart, and refuses when that is more than a hundredth of all
 * entries within an hour. A push that is tried again counts once.
 * @throws TooMuchVanished
 */
export async function assertMayVanish(
  ledger: DataSource,
  { patientRef, seq }: ChartToRender,
  { before, after }: { before: readonly Counted[]; after: readonly Counted[] },
): Promise<void> {
  // By the chart, not by the section: a result that moves to another year has not vanished.
  const lost = sum(before) - sum(after);
  if (lost <= 0) {
    return;
  }
  const allowed = await ledger.transaction(async (manager) => {
    const outcome = await note(manager, patientRef, seq, lost);
    crashPoint('before-commit:vanished');
    return outcome;
  });
  crashPoint('after-commit:vanished');
  if (!allowed) {
    throw new TooMuchVanished();
  }
}

/** @returns whether it may go out */
async function note(manager: EntityManager, patientRef: string, seq: number, lost: number): Promise<boolean> {
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
    return true;
  }
  if (state.stopped) {
    return false;
  }
  await manager.query('DELETE FROM vanished WHERE at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE)', [COUNTED]);
  const counted = state.counted + lost;
  if (counted >= FEWEST && counted * SHARE > state.all + state.counted) {
    await manager.query('UPDATE reconciliation_state SET vanishing_stopped_at = UTC_TIMESTAMP(3) WHERE id = 1');
    return false;
  }
  await manager.query(
    'REPLACE INTO vanished (patient_ref, seq, entries, at) VALUES (UNHEX(?), ?, ?, UTC_TIMESTAMP(3))',
    [patientRef, seq, lost],
  );
  return true;
}

function sum(sections: readonly Counted[]): number {
  return sections.reduce((total, { entries }) => total + entries, 0);
}
