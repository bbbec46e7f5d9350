import type { Pool } from 'mysql2';
import type { DataSource } from 'typeorm';

type SqlValue = string | number | Buffer | null;

/**
 * One SELECT through the server's prepared statements, which each connection prepares once. For hot paths: TypeORM's own
 * query sends the text every time.
 */
export async function preparedQuery<Row>(dataSource: DataSource, sql: string, values: SqlValue[]): Promise<Row[]> {
  return (await prepared(dataSource, sql, values)) as Row[];
}

/** The same for one statement that writes, which is a transaction of its own. @throws the driver's error as it is */
export async function preparedWrite(dataSource: DataSource, sql: string, values: SqlValue[]): Promise<void> {
  await prepared(dataSource, sql, values);
}

async function prepared(dataSource: DataSource, sql: string, values: SqlValue[]): Promise<unknown> {
  const { pool } = dataSource.driver as unknown as { pool: Pool };
  return new Promise((resolve, reject) => {
    pool.execute(sql, values, (error, result) => {
      if (error === null) {
        resolve(result);
      } else {
        reject(error);
      }
    });
  });
}
