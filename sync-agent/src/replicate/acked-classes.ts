import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { AckedPush, Rendering } from './rendering.js';
import { CLINICAL, isClinical, type Counted } from './vanishing-limits.js';

const Rows = z.array(z.object({ recordClass: z.string(), entries: z.coerce.number() }));

/** What the chart last had of each class, whether the DMZ still holds it or not. */
export async function readAckedClasses(
  manager: Pick<EntityManager, 'query'>,
  patientRef: string,
): Promise<readonly Counted[]> {
  const rows: unknown = await manager.query(
    'SELECT record_class AS recordClass, entries FROM acked_class WHERE patient_ref = UNHEX(?)',
    [patientRef],
  );
  return Rows.parse(rows);
}

/**
 * In the transaction that settles a render: what was acknowledged, or was as it had been before. Of a chart that goes out in several pushes a class counts once all of its
 * sections are there; until then it counts as before. What was not rendered keeps its count, whatever leaves the DMZ.
 */
export async function noteAckedClasses(
  manager: EntityManager,
  { chart, classes, sections }: Rendering,
  push: AckedPush | null,
): Promise<void> {
  const there = new Set((push?.sections ?? sections).map(({ name, contentHash }) => `${name} ${contentHash}`));
  const counts = new Map<string, number>(classes.map((recordClass) => [recordClass, 0]));
  for (const { name, recordClass, contentHash, entries } of sections) {
    const count = counts.get(recordClass);
    if (count !== undefined && there.has(`${name} ${contentHash}`)) {
      counts.set(recordClass, count + entries);
    } else {
      counts.delete(recordClass);
    }
  }
  if (counts.size > 0) {
    await manager.query(
      `REPLACE INTO acked_class (patient_ref, record_class, entries, seq)
        VALUES ${[...counts].map(() => '(UNHEX(?), ?, ?, ?)').join(', ')}`,
      [...counts].flatMap(([recordClass, entries]) => [chart.patientRef, recordClass, entries, push?.seq ?? chart.seq]),
    );
  }
}

/**
 * In the transaction that settles a render: the loss that a person was to decide about is over, because OpenEMR has
 * clinical entries of the chart, or it has gone out. That a class could not be read ends nothing.
 */
export async function endHeldLoss(manager: EntityManager, { chart, classes, sections }: Rendering): Promise<void> {
  if (!classes.some((recordClass) => isClinical({ recordClass }))) {
    return;
  }
  const isBack = sections.some((section) => isClinical(section) && section.entries > 0);
  await manager.query(
    `DELETE FROM held_loss WHERE patient_ref = UNHEX(?)
        AND (? OR NOT EXISTS (SELECT 1 FROM acked_class a WHERE a.patient_ref = held_loss.patient_ref
                                 AND a.record_class IN (?) AND a.entries > 0))`,
    [chart.patientRef, isBack, CLINICAL],
  );
}
