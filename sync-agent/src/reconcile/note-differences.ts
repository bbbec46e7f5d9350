import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { RecordClass } from 'sync-contract/classes';
import { Instant, Ref } from 'sync-contract/identifiers';
import { DIFFERENCES, type Difference } from './difference.js';

/** Where something differs, by opaque ids. */
export interface Differing {
  patientRef: string;
  /** null: the chart as a whole, its grants, or a section without a place inside */
  recordClass: string | null;
  difference: Difference;
}

/** A difference as the daily statement lists it. */
export const ListedDifference = z.strictObject({
  patientRef: Ref,
  recordClass: RecordClass.nullable(),
  difference: z.enum(DIFFERENCES),
  foundAt: Instant,
  /** when a later comparison found it right, or nothing any more that could differ; null: not yet */
  healedAt: Instant.nullable(),
});
export type ListedDifference = z.infer<typeof ListedDifference>;

/** More than a person could look at, and no more than a hostile DMZ may fill the ledger with. */
export const NOTED_AT_ONCE = 1_000;
const MOST_OPEN = 10_000;
const LISTED = 1_000;
/** Found by reading OpenEMR again; a render heals it, and no comparison with the DMZ says anything about it. */
const OF_CONTENT: Difference = 'content-changed';

const Ended = z.array(z.object({ id: z.coerce.string(), recordClass: z.string() }));
const Open = z.array(
  z.object({ id: z.coerce.string(), place: z.string(), patientRef: z.string(), difference: z.enum(DIFFERENCES) }),
);
const Lacking = z.array(z.object({ patientRef: z.string() }));
const INSTANT = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%dT%H:%i:%s.%f')`;
const Listed = z.array(
  z.object({
    patientRef: z.string(),
    recordClass: z.string(),
    difference: z.enum(DIFFERENCES),
    foundAt: z.string(),
    healedAt: z.string().nullable(),
  }),
);
const Counted = z.tuple([z.object({ n: z.coerce.number() })]);

/**
 * In the caller's transaction: what a comparison with the DMZ found is open from now on, once; what was open and is not
 * found any more has healed, except in charts that were passed over, of documents' bytes that were not compared, and in
 * charts of which the DMZ lacks bytes that it had.
 */
export async function noteDifferences(
  manager: EntityManager,
  {
    differing,
    passedOver,
    documentsCompared,
  }: { differing: readonly Differing[]; passedOver: ReadonlySet<string>; documentsCompared: boolean },
): Promise<void> {
  const open = await readOpen(
    manager,
    documentsCompared ? 'difference <> ?' : "difference <> ? AND difference NOT LIKE 'document-%'",
    [OF_CONTENT],
  );
  const found = new Set(differing.map(placeOf));
  const lacking = await readLacking(manager);
  const isCompared = ({ patientRef, difference }: Pick<Differing, 'patientRef' | 'difference'>): boolean =>
    !passedOver.has(patientRef) && !(difference.startsWith('document-') && lacking.has(patientRef));
  // A list that was cut says nothing about what is not in it.
  const healed =
    differing.length < NOTED_AT_ONCE ? open.filter((each) => !found.has(each.place) && isCompared(each)) : [];
  if (healed.length > 0) {
    await manager.query('UPDATE reconciliation_difference SET healed_at = UTC_TIMESTAMP(3) WHERE id IN (?)', [
      healed.map(({ id }) => id),
    ]);
  }
  await keepOpen(manager, differing, open, MOST_OPEN - open.length);
  await noteHealedContent(manager);
  await manager.query(
    'DELETE FROM reconciliation_difference WHERE healed_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 400 DAY)',
  );
}

/** In the caller's transaction: OpenEMR read again gave something else in these classes of a chart. */
export async function noteContent(
  manager: EntityManager,
  patientRef: string,
  classes: readonly RecordClass[],
): Promise<void> {
  const differing = classes.map((recordClass) => ({ patientRef, recordClass, difference: OF_CONTENT }));
  const counted: unknown = await manager.query(
    'SELECT COUNT(*) AS n FROM reconciliation_difference WHERE healed_at IS NULL AND difference = ?',
    [OF_CONTENT],
  );
  const open = await readOpen(manager, 'difference = ? AND patient_ref = UNHEX(?)', [OF_CONTENT, patientRef]);
  await keepOpen(manager, differing, open, MOST_OPEN - Counted.parse(counted)[0].n);
}

/**
 * In the transaction that settles a push: what the nightly comparison found in these classes is in the DMZ now.
 * @returns classes of which it had found something
 */
export async function endContentDifferences(
  manager: EntityManager,
  patientRef: string,
  classes: readonly string[],
): Promise<string[]> {
  const rows: unknown = await manager.query(
    `SELECT id, record_class AS recordClass FROM reconciliation_difference
      WHERE patient_ref = UNHEX(?) AND healed_at IS NULL AND difference = ? AND record_class IN (?)`,
    [patientRef, OF_CONTENT, ['', ...classes]],
  );
  const found = Ended.parse(rows);
  if (found.length > 0) {
    await manager.query('UPDATE reconciliation_difference SET healed_at = UTC_TIMESTAMP(3) WHERE id IN (?)', [
      found.map(({ id }) => id),
    ]);
  }
  return found.map(({ recordClass }) => recordClass);
}

/** What was rendered since and has no change left is healed, and so is what is in no chart any more. */
export async function noteHealedContent(manager: EntityManager): Promise<void> {
  await manager.query(
    `UPDATE reconciliation_difference d JOIN chart c ON c.patient_ref = d.patient_ref
        SET d.healed_at = UTC_TIMESTAMP(3)
      WHERE d.healed_at IS NULL AND d.difference = ?
        AND (c.seq = 0 OR (c.rendered_at > d.found_at
          AND NOT EXISTS (SELECT 1 FROM dirty w WHERE w.pid = c.pid AND w.record_class = d.record_class)))`,
    [OF_CONTENT],
  );
}

/** Those that were open at any time since then, the oldest first. @returns and how many more there are */
export async function readDifferences(
  manager: EntityManager,
  since: string,
): Promise<{ listed: ListedDifference[]; more: number }> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(patient_ref)) AS patientRef, record_class AS recordClass, difference,
            ${INSTANT('found_at')} AS foundAt, ${INSTANT('healed_at')} AS healedAt
       FROM reconciliation_difference WHERE healed_at IS NULL OR healed_at > ? ORDER BY id LIMIT ?`,
    [since, LISTED],
  );
  const counted: unknown = await manager.query(
    'SELECT COUNT(*) AS n FROM reconciliation_difference WHERE healed_at IS NULL OR healed_at > ?',
    [since],
  );
  const listed = Listed.parse(rows).map(({ patientRef, recordClass, difference, foundAt, healedAt }) => ({
    ...{ patientRef, difference, recordClass: recordClass === '' ? null : RecordClass.parse(recordClass) },
    ...{ foundAt: toInstant(foundAt), healedAt: healedAt === null ? null : toInstant(healedAt) },
  }));
  return { listed, more: Counted.parse(counted)[0].n - listed.length };
}

async function readOpen(
  manager: EntityManager,
  which: string,
  values: readonly string[],
): Promise<z.infer<typeof Open>> {
  const rows: unknown = await manager.query(
    `SELECT id, CONCAT_WS(' ', LOWER(HEX(patient_ref)), record_class, difference) AS place,
            LOWER(HEX(patient_ref)) AS patientRef, difference
       FROM reconciliation_difference WHERE healed_at IS NULL AND ${which}`,
    [...values],
  );
  return Open.parse(rows);
}

/** Charts of which bytes that the DMZ held once are to be sent again and are not there yet. */
async function readLacking(manager: EntityManager): Promise<Set<string>> {
  const rows: unknown = await manager.query(
    `SELECT DISTINCT LOWER(HEX(patient_ref)) AS patientRef FROM document_blob
      WHERE state = 'wanted' AND sealed_sha256 IS NOT NULL`,
  );
  return new Set(Lacking.parse(rows).map(({ patientRef }) => patientRef));
}

async function keepOpen(
  manager: EntityManager,
  differing: readonly Differing[],
  open: z.infer<typeof Open>,
  room: number,
): Promise<void> {
  const known = new Set(open.map(({ place }) => place));
  const fresh = differing.filter((each) => !known.has(placeOf(each))).slice(0, Math.max(0, room));
  if (fresh.length > 0) {
    await manager.query(
      `INSERT INTO reconciliation_difference (patient_ref, record_class, difference, found_at)
        VALUES ${fresh.map(() => '(UNHEX(?), ?, ?, UTC_TIMESTAMP(3))').join(', ')}`,
      fresh.flatMap((each) => [each.patientRef, each.recordClass ?? '', each.difference]),
    );
  }
}

/** What two findings have in common that are listed as one. */
export function placeOf({ patientRef, recordClass, difference }: Differing): string {
  return `${patientRef} ${recordClass ?? ''} ${difference}`;
}

function toInstant(text: string): string {
  return `${text.slice(0, 23)}Z`;
}
