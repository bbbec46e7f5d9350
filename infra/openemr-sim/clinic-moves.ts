import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';

/** What staff or their support move to the right patient, each with the columns of its key and of its patient. */
export const MOVABLE = {
  documents: { key: 'id', patient: 'foreign_id' },
  lists: { key: 'id', patient: 'pid' },
  prescriptions: { key: 'id', patient: 'patient_id' },
  immunizations: { key: 'id', patient: 'patient_id' },
  procedure_order: { key: 'procedure_order_id', patient: 'patient_id' },
} as const;
export type MovableTable = keyof typeof MOVABLE;

/**
 * A row that was filed to the wrong patient goes to the right one. A document as the documents screen does it, which
 * writes the whole row anew; an order, with all its results, takes its entry among the visit's forms along.
 */
export async function moveRow(
  connection: Connection,
  { table, id, to }: { table: MovableTable; id: number; to: number },
): Promise<Commit & { table: MovableTable; id: number; to: number }> {
  await openScreen(connection);
  await findPatient(connection, to);
  const { key, patient } = MOVABLE[table];
  const [moved, commit] = await commitBetween(connection, async () => {
    if (table === 'documents') {
      return replaceDocument(connection, id, to);
    }
    const [result] = await connection.query<ResultSetHeader>('UPDATE ?? SET ?? = ? WHERE ?? = ?', [
      ...[table, patient, to],
      ...[key, id],
    ]);
    if (table === 'procedure_order') {
      await connection.execute("UPDATE forms SET pid = ? WHERE formdir = 'procedure_order' AND form_id = ?", [to, id]);
    }
    return result.affectedRows > 0;
  });
  if (!moved) {
    throw new ClinicRefusal('there is no such row');
  }
  return { table, id, to, ...commit };
}

export interface Merge {
  /** the record that is given up */
  source: number;
  /** the record that receives everything */
  target: number;
  /** called after each table in which rows moved or were deleted */
  afterTable?: (table: string) => Promise<void>;
}

/** Discarded with the source's record; the target's stay. */
const DISCARDED: readonly string[] = ['patient_data', 'history_data', 'insurance_data'];
const OWN_COLUMNS: Readonly<Record<string, string>> = {
  chart_tracker: 'ct_pid',
  openemr_postcalendar_events: 'pc_pid',
};
/** `documents` goes first, row by row; `log` stays. */
const LEFT_ALONE: readonly string[] = ['documents', 'log'];

/**
 * The screen that merges two records into one, opened from the list of duplicates, where nothing is compared: documents
 * one by one, then every table in the order of its name, each statement committed by itself. The source's own record goes
 * when its table's turn comes, so half of the tables move before it and half after it. The screen's touching up of
 * `lists_touch` and of its score of duplicates changes nothing that a chart shows and is left out.
 */
export async function mergePatients(
  connection: Connection,
  { source, target, afterTable = () => Promise.resolve() }: Merge,
): Promise<Commit & { source: number; target: number; tables: string[] }> {
  await openScreen(connection);
  if (source === target) {
    throw new ClinicRefusal('a record is not merged with itself');
  }
  await findPatient(connection, source);
  await findPatient(connection, target);
  const touched: string[] = [];
  const [, commit] = await commitBetween(connection, async () => {
    for (const id of await documentsOf(connection, source)) {
      await replaceDocument(connection, id, target);
      await afterTable('documents');
    }
    for (const table of await tablesInOrder(connection)) {
      if (await mergeTable(connection, table, { source, target })) {
        touched.push(table);
        await afterTable(table);
      }
    }
  });
  return { source, target, tables: touched, ...commit };
}

/** @returns whether the source had rows there */
async function mergeTable(
  connection: Connection,
  table: string,
  { source, target }: Pick<Merge, 'source' | 'target'>,
): Promise<boolean> {
  if (LEFT_ALONE.includes(table)) {
    return false;
  }
  if (DISCARDED.includes(table)) {
    const [deleted] = await connection.query<ResultSetHeader>('DELETE FROM ?? WHERE pid = ?', [table, source]);
    return deleted.affectedRows > 0;
  }
  const column = OWN_COLUMNS[table] ?? (await patientColumn(connection, table));
  if (column === undefined) {
    return false;
  }
  const [updated] = await connection.query<ResultSetHeader>('UPDATE ?? SET ?? = ? WHERE ?? = ?', [
    ...[table, column, target],
    ...[column, source],
  ]);
  return updated.affectedRows > 0;
}

async function tablesInOrder(connection: Connection): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW TABLES');
  return rows.map((row) => String(Object.values(row)[0]));
}

async function patientColumn(connection: Connection, table: string): Promise<string | undefined> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SHOW COLUMNS FROM ?? WHERE Field LIKE 'pid' OR Field LIKE 'patient_id'",
    [table],
  );
  const name: unknown = rows[0]?.['Field'];
  return typeof name === 'string' ? name : undefined;
}

async function documentsOf(connection: Connection, pid: number): Promise<number[]> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT id FROM documents WHERE foreign_id = ?', [pid]);
  return rows.map((row) => Number(row['id']));
}

/** OpenEMR saves a document with all its columns: to the server a row is deleted and inserted. */
async function replaceDocument(connection: Connection, id: number, pid: number): Promise<boolean> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT * FROM documents WHERE id = ?', [id]);
  if (rows[0] === undefined) {
    return false;
  }
  await connection.query('REPLACE INTO documents SET ?', [{ ...rows[0], foreign_id: pid }]);
  return true;
}

async function findPatient(connection: Connection, pid: number): Promise<void> {
  const [rows] = await connection.execute<RowDataPacket[]>('SELECT 1 FROM patient_data WHERE pid = ?', [pid]);
  if (rows.length === 0) {
    throw new ClinicRefusal('there is no such patient');
  }
}
