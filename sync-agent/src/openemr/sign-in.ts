import { readFileSync } from 'node:fs';
import { createConnection, type Connection } from 'mysql2/promise';
import type { Account, LedgerAddress } from '../config.js';
import { OPENEMR_CONNECTION_OPTIONS } from './openemr-database.js';

/** A statement that takes longer is ended, by the server and then by us. */
const STATEMENT_SECONDS = 20;

/**
 * One connection of an account to look around with, without a default database. The server itself refuses it every
 * write, and ends a statement that takes long.
 */
export async function signInToLook(address: LedgerAddress, account: Account): Promise<Connection> {
  const connection = await createConnection({
    ...OPENEMR_CONNECTION_OPTIONS,
    host: address.host,
    port: address.port,
    ...account,
    connectTimeout: 10_000,
    ssl: { ca: readFileSync(address.caFile), minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true },
  });
  try {
    connection.on('error', () => undefined);
    await connection.query('SET SESSION TRANSACTION READ ONLY');
    // Not every server has the variable; those that have not are a finding of their own.
    await connection.query(`SET SESSION max_statement_time = ${String(STATEMENT_SECONDS)}`).catch(() => undefined);
    return connection;
  } catch (failure: unknown) {
    connection.destroy();
    throw failure;
  }
}
