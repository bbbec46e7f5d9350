import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { DEFAULT_DATABASES } from '../services/services.js';

const { portal: PORTAL } = DEFAULT_DATABASES;

/** What the inside keeps in the DMZ: the tables that the drill writes into. */
export const REPLICA_TABLES = [
  'chart',
  'section',
  'chart_grant',
  'heartbeat',
  'heartbeat_bucket',
  'key_statement',
  'document_blob',
  'document_chunk',
] as const;
export type ReplicaTable = (typeof REPLICA_TABLES)[number];

export type SqlValue = string | number | Buffer | Date | null;
export type Row = Record<string, SqlValue>;

/** The DMZ's database in the hands of somebody who is its root. */
export class ReplicaTables {
  private readonly keys = new Map<ReplicaTable, string[]>();

  constructor(private readonly root: Connection) {}

  /** @returns rows that changed; 0 when the server refuses it, as a key that is taken or a text that is none */
  async write(sql: string, values: unknown[] = []): Promise<number> {
    try {
      const [{ affectedRows }] = await this.root.query<ResultSetHeader>(sql, values);
      return affectedRows;
    } catch (error: unknown) {
      if (error instanceof Error && 'sqlState' in error) {
        return 0;
      }
      throw error;
    }
  }

  async rows(table: ReplicaTable, database: string = PORTAL): Promise<Row[]> {
    const [rows] = await this.root.query<RowDataPacket[]>('SELECT * FROM ??.??', [database, table]);
    return rows;
  }

  /** Columns of the primary key. */
  async keyOf(table: ReplicaTable): Promise<string[]> {
    const known = this.keys.get(table);
    if (known !== undefined) {
      return known;
    }
    const [rows] = await this.root.query<RowDataPacket[]>('SHOW KEYS FROM ??.?? WHERE Key_name = ?', [
      PORTAL,
      table,
      'PRIMARY',
    ]);
    const names = rows.map((row) => String(row['Column_name']));
    this.keys.set(table, names);
    return names;
  }

  /** Changes one row, found by the key it had. */
  async change(table: ReplicaTable, row: Row, changes: Row): Promise<number> {
    const key = await this.keyOf(table);
    const columns = Object.keys(changes);
    return this.write(
      `UPDATE ??.?? SET ${columns.map(() => '?? = ?').join(', ')} WHERE ${key.map(() => '?? = ?').join(' AND ')}`,
      [
        PORTAL,
        table,
        ...columns.flatMap((column) => [column, changes[column]]),
        ...key.flatMap((column) => [column, row[column]]),
      ],
    );
  }

  async remove(table: ReplicaTable, row: Row): Promise<number> {
    const key = await this.keyOf(table);
    return this.write(`DELETE FROM ??.?? WHERE ${key.map(() => '?? = ?').join(' AND ')}`, [
      PORTAL,
      table,
      ...key.flatMap((column) => [column, row[column]]),
    ]);
  }

  async insert(table: ReplicaTable, row: Row): Promise<number> {
    return this.write('INSERT INTO ??.?? SET ?', [PORTAL, table, row]);
  }

  /** Takes the place of the row with its key, or comes beside the others. */
  async put(table: ReplicaTable, row: Row): Promise<number> {
    return this.write('REPLACE INTO ??.?? SET ?', [PORTAL, table, row]);
  }

  /** Keeps all tables as they are now, in a database of their own. */
  async keep(name: string): Promise<void> {
    await this.root.query('DROP DATABASE IF EXISTS ??', [name]);
    await this.root.query('CREATE DATABASE ??', [name]);
    for (const table of REPLICA_TABLES) {
      await this.root.query('CREATE TABLE ??.?? LIKE ??.??', [name, table, PORTAL, table]);
      await this.root.query('INSERT INTO ??.?? SELECT * FROM ??.??', [name, table, PORTAL, table]);
    }
  }

  /** Puts tables back as they were kept, all in one moment. */
  async putBack(name: string, tables: readonly ReplicaTable[] = REPLICA_TABLES): Promise<void> {
    await this.root.beginTransaction();
    for (const table of tables) {
      await this.root.query('DELETE FROM ??.??', [PORTAL, table]);
      await this.root.query('INSERT INTO ??.?? SELECT * FROM ??.??', [PORTAL, table, name, table]);
    }
    await this.root.commit();
  }

  /** One chart with its sections and the bytes of its documents as they were kept. */
  async putChartBack(name: string, patientRef: Buffer): Promise<number> {
    await this.root.beginTransaction();
    let changed = 0;
    const blobs = 'blob_id IN (SELECT blob_id FROM ??.document_blob WHERE patient_ref = ?)';
    await this.write(`DELETE FROM ??.document_chunk WHERE ${blobs}`, [PORTAL, name, patientRef]);
    await this.write(`INSERT INTO ??.document_chunk SELECT * FROM ??.document_chunk WHERE ${blobs}`, [
      PORTAL,
      name,
      name,
      patientRef,
    ]);
    for (const table of ['section', 'chart', 'document_blob'] as const) {
      changed += await this.write('DELETE FROM ??.?? WHERE patient_ref = ?', [PORTAL, table, patientRef]);
      await this.write('INSERT INTO ??.?? SELECT * FROM ??.?? WHERE patient_ref = ?', [
        PORTAL,
        table,
        name,
        table,
        patientRef,
      ]);
    }
    await this.root.commit();
    return changed;
  }
}
