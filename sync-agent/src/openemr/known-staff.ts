import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OpenEmrTables } from './writer-tables.js';

const Users = z.array(z.object({ username: z.string() }));

/** Whether somebody of the practice has this user name, letter for letter, and may sign in to OpenEMR. */
export async function isStaff(manager: EntityManager, tables: OpenEmrTables, username: string): Promise<boolean> {
  const rows: unknown = await manager.query(
    `SELECT username FROM ${tables.users} WHERE username = ? AND username <> '' AND active = 1`,
    [username],
  );
  return Users.parse(rows).some((user) => user.username === username);
}
