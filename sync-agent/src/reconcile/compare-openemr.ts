import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { markDirty } from '../ledger/dirty.js';
import type { ContentComparison } from '../replicate/compare-content.js';
import { DIFFERENCES, Tally } from './difference.js';
import { noteContent } from './note-differences.js';

export interface ReadAgain {
  ledger: DataSource;
  /** null when the chart is on its way or cannot be read just now */
  compare: (patientRef: string) => Promise<ContentComparison | null>;
  /** milliseconds between two charts: OpenEMR's own work goes first */
  pause: number;
}

export interface NightlyState {
  day: string | null;
  after: string | null;
  beganAt: Date | null;
  tally: Tally;
}

const CHARTS_AT_ONCE = 100;
const Refs = z.array(z.object({ patientRef: z.string() }));
const SoFar = z.object({
  charts: z.number(),
  sections: z.number(),
  skipped: z.number(),
  found: z.partialRecord(z.enum(DIFFERENCES), z.number()),
});
const States = z.array(
  z.object({
    day: z.string().nullable(),
    after: z.string().nullable(),
    beganAt: z.date().nullable(),
    soFar: z.string().nullable(),
  }),
);

export async function readNightly(manager: EntityManager): Promise<NightlyState> {
  const rows: unknown = await manager.query(
    `SELECT content_day AS day, LOWER(HEX(content_after)) AS after, content_began_at AS beganAt, content_so_far AS soFar
       FROM reconciliation_state WHERE id = 1`,
  );
  const [state] = States.parse(rows);
  const tally = new Tally();
  if (typeof state?.soFar === 'string') {
    const soFar = SoFar.parse(JSON.parse(state.soFar));
    Object.assign(tally, { charts: soFar.charts, sections: soFar.sections, skipped: soFar.skipped });
    for (const kind of DIFFERENCES) {
      tally.count(kind, soFar.found[kind] ?? 0);
    }
  }
  return { day: state?.day ?? null, after: state?.after ?? null, beganAt: state?.beganAt ?? null, tally };
}

/** The day whose nightly comparison begins; one that was cut short is not taken up again under another day. */
export async function beginNightly(ledger: DataSource, day: string): Promise<void> {
  crashPoint('before-commit:reading-begun');
  await ledger.query(
    `UPDATE reconciliation_state SET content_day = ?, content_after = ?, content_began_at = UTC_TIMESTAMP(3),
        content_so_far = NULL WHERE id = 1`,
    [day, Buffer.alloc(16)],
  );
  crashPoint('after-commit:reading-begun');
}

/**
 * Reads every chart again, one after the other, behind the last that was compared; after a crash it goes on there. What
 * differs is marked dirty and goes the normal way, which also holds it back when too much vanishes.
 * @returns null when it was told to stop before the end
 */
export async function readAllAgain({ ledger, compare, pause }: ReadAgain, signal: AbortSignal): Promise<Tally | null> {
  let { after, tally } = await readNightly(ledger.manager);
  for (let more = after !== null; more;) {
    const rows: unknown = await ledger.query(
      `SELECT LOWER(HEX(c.patient_ref)) AS patientRef FROM chart c JOIN patient p ON p.pid = c.pid
        WHERE c.patient_ref > UNHEX(?) AND c.seq > 0 AND p.state IN ('invited', 'enrolled')
          AND c.stopped_reason IS NULL ORDER BY c.patient_ref LIMIT ?`,
      [after ?? '', CHARTS_AT_ONCE],
    );
    const charts = Refs.parse(rows);
    for (const { patientRef } of charts) {
      if (signal.aborted) {
        return null;
      }
      const comparison = await compare(patientRef);
      tally = note(tally, comparison);
      await keep(ledger, patientRef, tally, comparison);
      await delay(pause);
    }
    after = charts.at(-1)?.patientRef ?? after;
    more = charts.length === CHARTS_AT_ONCE;
  }
  return tally;
}

function note(tally: Tally, comparison: ContentComparison | null): Tally {
  if (comparison === null) {
    tally.skipped += 1;
  } else {
    tally.charts += 1;
    tally.sections += comparison.sections;
    tally.count('content-changed', comparison.differing);
  }
  return tally;
}

async function keep(
  ledger: DataSource,
  patientRef: string,
  { charts, sections, skipped, found }: Tally,
  comparison: ContentComparison | null,
): Promise<void> {
  await ledger.transaction(async (manager) => {
    if (comparison !== null && comparison.classes.length > 0) {
      await markDirty(manager, comparison.pid, comparison.classes);
      await noteContent(manager, patientRef, comparison.classes);
    }
    await manager.query('UPDATE reconciliation_state SET content_after = UNHEX(?), content_so_far = ? WHERE id = 1', [
      patientRef,
      JSON.stringify({ charts, sections, skipped, found }),
    ]);
    crashPoint('before-commit:chart-read-again');
  });
  crashPoint('after-commit:chart-read-again');
}
