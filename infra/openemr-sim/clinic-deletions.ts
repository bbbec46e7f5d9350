import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';

/** What staff with the right can delete for good, each with the column its delete screen goes by. */
export const DELETABLE = {
  prescriptions: 'id',
  lists: 'id',
  immunizations: 'id',
  procedure_order: 'procedure_order_id',
  procedure_report: 'procedure_report_id',
  procedure_result: 'procedure_result_id',
} as const;
export type DeletableTable = keyof typeof DELETABLE;

/** A hard delete; an order takes its codes, reports and results along and its form is marked deleted. */
export async function deleteRow(
  connection: Connection,
  row: { table: DeletableTable; id: number },
): Promise<Commit & { table: DeletableTable; id: number }> {
  await openScreen(connection);
  if (row.table === 'procedure_order') {
    await deleteOrderParts(connection, row.id);
  }
  const [[result], commit] = await commitBetween(connection, () =>
    connection.query<ResultSetHeader>('DELETE FROM ?? WHERE ?? = ?', [row.table, DELETABLE[row.table], row.id]),
  );
  if (result.affectedRows === 0) {
    throw new ClinicRefusal('there is no such row');
  }
  return { ...row, ...commit };
}

async function deleteOrderParts(connection: Connection, orderId: number): Promise<void> {
  const [reports] = await connection.execute<RowDataPacket[]>(
    'SELECT procedure_report_id AS id FROM procedure_report WHERE procedure_order_id = ?',
    [orderId],
  );
  for (const report of reports) {
    await connection.execute('DELETE FROM procedure_result WHERE procedure_report_id = ?', [report.id]);
    await connection.execute('DELETE FROM procedure_report WHERE procedure_report_id = ?', [report.id]);
  }
  await connection.execute('DELETE FROM procedure_order_code WHERE procedure_order_id = ?', [orderId]);
  await connection.execute("UPDATE forms SET deleted = 1 WHERE formdir = 'procedure_order' AND form_id = ?", [orderId]);
}
