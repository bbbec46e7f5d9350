import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { freezePatient } from '../enrol/freeze-patient.js';
import { CCD_DOCUMENT } from '../ledger/ccd-request.entity.js';
import type { SourceTransaction } from '../openemr/binlog-stream.js';
import type { OwnerHint } from '../openemr/row-changes.js';
import type { Rendering } from './rendering.js';

const Patients = z.array(z.object({ pid: z.coerce.number(), patientRef: z.string(), state: z.string() }));
const PAGE = 500;

/** Pids of an owner as a row's image names it; nobody is an answer. */
export type OwnersOf = (owner: OwnerHint) => Promise<readonly number[]>;

/** Whose rows went where: by pid, table and keys (null: any). */
interface Moves {
  into: Set<number>;
  away: Map<number, { table: string; keys: string[] | null }[]>;
  everybody: boolean;
}

/** patientRefs */
export interface Frozen {
  /** in which something may have to happen in the DMZ */
  charts: string[];
  newly: string[];
}

/**
 * In the feed's transaction, under its lock: patients between whom rows moved are frozen until a person confirms, so that
 * no render that contains the rows can claim a number. Of a chart that lost rows the classes that showed them are
 * withdrawn, because a row that was filed to the wrong patient must not stay with them, and so are its documents while one
 * is a C-CDA, which may show any row. A row that was nobody's before (an unmatched result, an unfiled document), or is
 * nobody's now, is no move.
 */
export async function freezeMoved(
  manager: EntityManager,
  batch: readonly SourceTransaction[],
  ownersOf: OwnersOf,
): Promise<Frozen> {
  const moves = await movesOf(batch, ownersOf);
  const patients = await readPatients(manager, moves);
  for (const { pid, patientRef, state } of patients) {
    if (state !== 'frozen') {
      const cause = moves.into.has(pid) || moves.everybody ? 'rows-moved' : 'rows-moved-away';
      await freezePatient(manager, { pid, patientRef }, { cause, decidedBy: 'agent' });
    }
    for (const { table, keys } of moves.away.get(pid) ?? []) {
      await withdrawClasses(manager, { pid, patientRef, table, keys });
    }
    if (moves.away.has(pid)) {
      await withdrawCcd(manager, patientRef);
    }
  }
  const refs = (those: typeof patients): string[] => those.map(({ patientRef }) => patientRef);
  return { charts: refs(patients), newly: refs(patients.filter(({ state }) => state !== 'frozen')) };
}

async function movesOf(batch: readonly SourceTransaction[], ownersOf: OwnersOf): Promise<Moves> {
  const moves: Moves = { into: new Set(), away: new Map(), everybody: false };
  for (const { changes } of batch) {
    moves.everybody ||= changes.movedBeyondLimit;
    for (const { table, keys, from, to } of changes.moved) {
      const [before, after] = [await ownersOf(from), await ownersOf(to)];
      if (before.length === 0 || after.length === 0 || before.some((pid) => after.includes(pid))) {
        continue;
      }
      after.forEach((pid) => moves.into.add(pid));
      before.forEach((pid) => {
        moves.away.set(pid, [...(moves.away.get(pid) ?? []), { table, keys }]);
      });
    }
  }
  return moves;
}

/** Locked in the order of their pids; who has no access, or none any more, has nothing that could be frozen. */
async function readPatients(
  manager: EntityManager,
  { into, away, everybody }: Moves,
): Promise<z.infer<typeof Patients>> {
  const pids = [...new Set([...into, ...away.keys()])].sort((a, b) => a - b);
  if (pids.length === 0 && !everybody) {
    return [];
  }
  const rows: unknown = await manager.query(
    `SELECT pid, LOWER(HEX(patient_ref)) AS patientRef, state FROM patient
      WHERE state <> 'revoked' AND ${everybody ? 'TRUE' : 'pid IN (?)'} ORDER BY pid FOR UPDATE`,
    everybody ? [] : [pids],
  );
  return Patients.parse(rows);
}

/** The rows that the last render used say which classes showed them. */
async function withdrawClasses(
  manager: EntityManager,
  { pid, patientRef, table, keys }: { pid: number; patientRef: string; table: string; keys: string[] | null },
): Promise<void> {
  for (let from = 0; from < (keys?.length ?? 1); from += PAGE) {
    await manager.query(
      `INSERT IGNORE INTO withdrawn_class (patient_ref, record_class)
        SELECT DISTINCT UNHEX(?), record_class FROM source_row
         WHERE pid = ? AND table_name = ? AND ${keys === null ? 'TRUE' : 'row_key IN (?)'}`,
      [patientRef, pid, table, ...(keys === null ? [] : [keys.slice(from, from + PAGE)])],
    );
  }
}

/**
 * By the bytes that a list may name, for the request itself has gone with the freeze: also those that are sent again, for
 * they may lie in the DMZ still.
 */
async function withdrawCcd(manager: EntityManager, patientRef: string): Promise<void> {
  await manager.query(
    `INSERT IGNORE INTO withdrawn_class (patient_ref, record_class)
      SELECT DISTINCT patient_ref, 'documents' FROM document_blob
       WHERE patient_ref = UNHEX(?) AND document_id = ? AND sealed_sha256 IS NOT NULL
          AND state IN ('held', 'wanted')`,
    [patientRef, CCD_DOCUMENT],
  );
}

/**
 * In the transaction of an acknowledgement whose chart was frozen while the push was on its way: what moved away since may
 * be in that push without being known as a source yet. The classes that changed behind its snapshot are withdrawn.
 */
export async function withdrawOvertaken(
  manager: EntityManager,
  { chart, classes, position }: Rendering,
): Promise<void> {
  if (position !== null) {
    await manager.query(
      `INSERT IGNORE INTO withdrawn_class (patient_ref, record_class)
        SELECT DISTINCT UNHEX(?), record_class FROM dirty
         WHERE pid = ? AND record_class IN (?) AND (file_no > ? OR (file_no = ? AND file_offset > ?))`,
      [chart.patientRef, chart.pid, classes, position.file, position.file, position.offset],
    );
  }
}
