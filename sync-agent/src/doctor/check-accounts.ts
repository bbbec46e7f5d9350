import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Account } from '../config.js';
import { findReadablePasswords } from '../openemr/look-around.js';
import { finding, type Finding } from './finding.js';

/** An account of the agent, signed in. */
export interface SignedIn {
  role: Role;
  account: Account;
  connection: Connection;
}

export type Role = 'reader' | 'writer' | 'feed' | 'owner';

/** Variables that name each account, for remedies. */
export const ACCOUNT_VARIABLES = {
  reader: 'READER_USER and READER_PASSWORD_FILE',
  writer: 'WRITER_USER and WRITER_PASSWORD_FILE',
  feed: 'FEED_USER and FEED_PASSWORD_FILE',
  owner: 'LEDGER_OWNER_USER and LEDGER_OWNER_PASSWORD_FILE',
} as const satisfies Record<Role, string>;

/** The statements with which the server describes the rights of the account that asks. */
export async function readOwnGrants(connection: Connection): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW GRANTS');
  return rows.map((row) => String(Object.values(row)[0]));
}

/** How an account may sign in. @param grants as SHOW GRANTS prints them; the line on `*.*` describes the account itself */
export function checkSignIn(user: string, grants: readonly string[]): Finding[] {
  // Roles stand before it.
  const head = grants.find((grant) => grant.includes(' ON *.* TO ')) ?? '';
  const found: Finding[] = [];
  if (!/ REQUIRE (SSL|X509|ISSUER|SUBJECT|CIPHER)/.test(head)) {
    found.push(
      finding(
        'account-without-tls',
        `the database account ${user} may sign in without TLS`,
        `run ALTER USER ${user}@… REQUIRE SSL on OpenEMR's database server`,
      ),
    );
  }
  const host = / TO [`'].*?[`']@[`'](.*?)[`']/.exec(head)?.[1] ?? '';
  if (host.includes('%')) {
    found.push(
      finding(
        'account-from-anywhere',
        `the database account ${user} may sign in from ${host === '%' ? 'any machine' : host}`,
        "make the account for the agent's own address instead",
      ),
    );
  }
  return found;
}

/** Nothing of the agent has to do with OpenEMR's passwords. */
export async function checkPasswords({ account, connection }: SignedIn, openemr: string): Promise<Finding[]> {
  const readable = await findReadablePasswords(connection, openemr);
  return readable.length === 0
    ? []
    : [
        finding(
          'password-readable',
          `the database account ${account.user} can read ${readable.join(', ')} of OpenEMR`,
          'revoke what it has beyond its declared grants',
        ),
      ];
}
