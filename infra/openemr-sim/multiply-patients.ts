import type { Connection, RowDataPacket } from 'mysql2/promise';

/** Every number that a row of a patient has or names stays below this, so that a copy's numbers are new by adding it. */
const STEP = 1_000_000;

/**
 * Tables with patients' rows and their columns that hold numbers of rows, the table's own first. Documents stay with
 * whom they were filed for: their bytes lie outside the database.
 */
const NUMBERED = {
  patient_data: ['id', 'pid'],
  form_encounter: ['id', 'pid', 'encounter'],
  forms: ['id', 'pid', 'encounter', 'form_id'],
  form_vitals: ['id', 'pid'],
  form_clinical_notes: ['id', 'form_id', 'pid', 'encounter'],
  form_care_plan: ['id', 'pid', 'encounter'],
  lists: ['id', 'pid'],
  lists_medication: ['id', 'list_id', 'prescription_id'],
  issue_encounter: ['id', 'pid', 'list_id', 'encounter'],
  immunizations: ['id', 'patient_id', 'encounter_id'],
  prescriptions: ['id', 'patient_id', 'encounter'],
  history_data: ['id', 'pid'],
  procedure_order: ['procedure_order_id', 'patient_id', 'encounter_id'],
  procedure_order_code: ['procedure_order_id'],
  procedure_specimen: ['procedure_specimen_id', 'procedure_order_id'],
  procedure_report: ['procedure_report_id', 'procedure_order_id'],
  procedure_result: ['procedure_result_id', 'procedure_report_id'],
  care_teams: ['id', 'pid'],
  care_team_member: ['id', 'care_team_id'],
  form_observation: ['id', 'form_id', 'pid', 'encounter'],
  billing: ['id', 'pid', 'encounter'],
  ar_session: ['session_id', 'patient_id'],
  ar_activity: ['pid', 'encounter', 'session_id'],
} as const;

/**
 * Copies all patients with everything that the loader wrote for them, inside the database: benches need thousands, and
 * loading so many takes an hour. Copies are alike but for their numbers. @returns pids of the copies
 */
export async function multiplyPatients(connection: Connection, copies: number): Promise<number[]> {
  const pids = await patientsBelow(connection, STEP);
  for (let copy = 1; copy <= copies; copy += 1) {
    await connection.beginTransaction();
    for (const [table, numbers] of Object.entries(NUMBERED)) {
      await copyRows(connection, table, numbers, copy * STEP);
    }
    await connection.commit();
  }
  // A server that is started again before it looks at its tables' sizes plans every statement by those of before.
  await connection.query(`ANALYZE NO_WRITE_TO_BINLOG TABLE ${Object.keys(NUMBERED).join(', ')}`);
  return Array.from({ length: copies }, (_, index) => pids.map((pid) => pid + (index + 1) * STEP)).flat();
}

async function patientsBelow(connection: Connection, limit: number): Promise<number[]> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT pid FROM patient_data WHERE pid < ? ORDER BY pid', [
    limit,
  ]);
  return rows.map(({ pid }) => Number(pid));
}

async function copyRows(
  connection: Connection,
  table: string,
  numbers: readonly string[],
  distance: number,
): Promise<void> {
  const [columns] = await connection.query<RowDataPacket[]>(
    `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position`,
    [table],
  );
  const names = columns.map(({ name }) => String(name));
  const values = names.map((name) => {
    const column = connection.escapeId(name);
    // 0 stands for no row.
    return numbers.includes(name)
      ? `IF(${column} = 0, 0, ${column} + ${String(distance)})`
      : name === 'uuid'
        ? 'NULL'
        : column;
  });
  const [own = ''] = numbers;
  await connection.query(
    `INSERT INTO ?? (${names.map((name) => connection.escapeId(name)).join(', ')})
      SELECT ${values.join(', ')} FROM ?? WHERE ?? < ?`,
    [table, table, own, STEP],
  );
}
