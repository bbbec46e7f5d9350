import type { Pool, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { OpenEmrReadFailed } from './snapshot.js';
import { WATCHED_TABLES, type WatchedTable } from './watched-tables.js';

const WATCHED: ReadonlyMap<string, WatchedTable> = new Map(WATCHED_TABLES.map((table) => [table.table, table]));
const LONGEST_CHAIN = 6;
const Rows = z.array(z.record(z.string(), z.unknown()));

/**
 * Whose a row is that does not say it itself, by OpenEMR's tables as they are now: up the chain of parents, from the
 * address to the contact that uses it, from the portal's user name to its patient. Nobody is an answer: no chart can
 * show a row whose chain is broken, and what mends the chain is a change of its own.
 */
export class OwnerFinder {
  /** @param seconds a statement that takes longer fails: whoever asks holds a lock that others wait for */
  constructor(
    private readonly pool: Pool,
    private readonly seconds = 5,
  ) {}

  /** @param key as `rowKey` writes it @throws OpenEmrReadFailed */
  async ownersOf(table: string, key: string): Promise<number[]> {
    if (WATCHED.get(table)?.portalUsername !== undefined) {
      return this.pids(
        'the patient of a mail',
        `SELECT a.pid FROM onsite_mail m JOIN patient_access_onsite a ON a.portal_username = m.owner WHERE m.id = ?`,
        [key],
      );
    }
    if (table === 'addresses') {
      const contacts = await this.select(
        'the user of an address',
        'SELECT contact_id AS contact FROM contact_address WHERE address_id = ?',
        [key],
      );
      const owners = await Promise.all(contacts.map(({ contact }) => this.ownersOf('contact', String(contact))));
      return owners.flat();
    }
    if (table === 'person') {
      return this.relativesOf(key);
    }
    return this.climb(table, partsOf(key), LONGEST_CHAIN);
  }

  /** @throws OpenEmrReadFailed */
  async ownersOfPortalUsernames(usernames: readonly string[]): Promise<{ pid: number; username: string }[]> {
    if (usernames.length === 0) {
      return [];
    }
    const rows = await this.select(
      'portal user names',
      'SELECT pid, portal_username AS username FROM patient_access_onsite WHERE portal_username IN (?)',
      [usernames],
    );
    return z.array(z.object({ pid: z.coerce.number(), username: z.string() })).parse(rows);
  }

  private async climb(table: string, key: readonly string[], left: number): Promise<number[]> {
    const watched = WATCHED.get(table);
    if (watched === undefined || left === 0 || key.length < watched.primaryKey.length) {
      return [];
    }
    const keyColumns = key.length === watched.formerKey?.length ? watched.formerKey : watched.primaryKey;
    const columns = [watched.pid, watched.pidWhen?.column, ...(watched.parent?.columns ?? [])].filter(
      (column) => typeof column === 'string',
    );
    if (columns.length === 0) {
      return [];
    }
    const rows = await this.select(
      `the owner of a row of ${table}`,
      `SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(table)}
        WHERE ${keyColumns.map((column) => `${quoted(column)} = ?`).join(' AND ')}`,
      key,
    );
    const owners: number[] = [];
    for (const row of rows) {
      if (watched.pid !== null) {
        const concerns = watched.pidWhen === undefined || row[watched.pidWhen.column] === watched.pidWhen.value;
        owners.push(...(concerns ? [Number(row[watched.pid])] : []));
        if (table === 'contact' && row['foreign_table_name'] === 'person') {
          owners.push(...(await this.relativesOf(String(row[watched.pid]))));
        }
      } else if (watched.parent !== undefined) {
        const parentKey = watched.parent.columns.map((column) => String(row[column]));
        owners.push(...(await this.climb(watched.parent.table, parentKey, left - 1)));
      }
    }
    return owners.filter((pid) => Number.isSafeInteger(pid) && pid > 0);
  }

  /** Patients to whom a person of their own is related. */
  private async relativesOf(person: string): Promise<number[]> {
    return this.pids(
      'the patients of a person',
      `SELECT c.foreign_id AS pid FROM contact_relation r JOIN contact c ON c.id = r.contact_id
        WHERE r.target_table = 'person' AND r.target_id = ? AND c.foreign_table_name = 'patient_data'`,
      [person],
    );
  }

  private async pids(name: string, sql: string, values: readonly unknown[]): Promise<number[]> {
    const rows = await this.select(name, sql, values);
    return z
      .array(z.object({ pid: z.coerce.number() }))
      .parse(rows)
      .map(({ pid }) => pid);
  }

  private async select(name: string, sql: string, values: readonly unknown[]): Promise<z.infer<typeof Rows>> {
    try {
      return await this.selectInTime(sql, values);
    } catch (failure: unknown) {
      throw new OpenEmrReadFailed(name, failure);
    }
  }

  /** The server ends a statement that takes too long; a server that is not heard any more is given up. */
  private async selectInTime(sql: string, values: readonly unknown[]): Promise<z.infer<typeof Rows>> {
    const connection = await this.pool.getConnection();
    try {
      const [rows] = await connection.query<RowDataPacket[]>(
        {
          sql: `SET STATEMENT max_statement_time = ${String(this.seconds)} FOR ${sql}`,
          timeout: (this.seconds + 5) * 1_000,
        },
        [...values],
      );
      connection.release();
      return Rows.parse(rows);
    } catch (failure: unknown) {
      connection.destroy();
      throw failure;
    }
  }
}

function quoted(name: string): string {
  return `\`${name}\``;
}

/** Reverse of `rowKey`. */
function partsOf(key: string): string[] {
  return key.split('|').map((part) => part.replaceAll('%7C', '|').replaceAll('%25', '%'));
}
