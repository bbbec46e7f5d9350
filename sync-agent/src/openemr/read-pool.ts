import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { MailParty } from './write-mail.js';
import type { OpenEmrTables } from './writer-tables.js';

const UserRows = z.array(
  z.object({ username: z.string(), fname: z.string().nullable(), lname: z.string().nullable() }),
);

/**
 * An OpenEMR user who may receive portal mail: active and marked `portal_user`, as OpenEMR's own list of recipients.
 * @returns null when there is no such user
 */
export async function readMailUser(
  manager: EntityManager,
  tables: OpenEmrTables,
  username: string,
): Promise<MailParty | null> {
  const rows: unknown = await manager.query(
    `SELECT username, fname, lname FROM ${tables.users} WHERE username = ? AND active = 1 AND portal_user = 1`,
    [username],
  );
  const user = UserRows.parse(rows).find((each) => each.username === username);
  return user === undefined
    ? null
    : { username: user.username, name: `${user.fname ?? ''} ${user.lname ?? ''}`.trim() };
}
