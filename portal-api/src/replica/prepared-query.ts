import type { Pool } from 'mysql2';
import type { DataSource } from 'typeorm';

type SqlValue = string | number | Buffer | null;

/**
 * One SELECT through the server's prepared statements, which each connection prepares once. For hot paths: TypeORM's own
 * query sends the text every time.
 */
export async function preparedQuery<Row>(dataSource: DataSource, sql: string, values: SqlValue[]): Promise<Row[]> {
  const { pool } = dataSource.driver as unknown as { pool: Pool };
  return new Promise((resolve, reject) => {
    pool.execute(sql, values, (error, rows) => {
      if (error === null) {
        resolve(rows as Row[]);
      } else {
        reject(error);
      }
    });
  });
}
