import { z } from 'zod';
import type { Account, AgentConfig, LedgerAddress } from '../config.js';
import { failureCode } from '../failure-code.js';
import { listDatabases, readServerFacts } from '../openemr/server-facts.js';
import { signInToLook } from '../openemr/sign-in.js';
import {
  ACCOUNT_VARIABLES,
  checkPasswords,
  checkSignIn,
  readOwnGrants,
  type Role,
  type SignedIn,
} from './check-accounts.js';
import { findLacking } from '../openemr/versions.js';
import { NOTHING_LACKING, type Lacking } from '../openemr/version-differences.js';
import { checkGrants } from './check-grants.js';
import { checkLedger } from './check-ledger.js';
import { checkOpenEmr } from './check-openemr.js';
import { checkServer } from './check-server.js';
import { connectTrouble } from '../connect-failure.js';
import { finding, together, type Finding, type Outcome } from './finding.js';
import { guarded } from './guarded.js';

type DatabaseConfig = Pick<AgentConfig, 'database' | 'reader' | 'writer' | 'feed' | 'pools'>;

const NOT_COMPARED = "the accounts' grants, because the databases of OpenEMR and of the ledger are not both there";
const NO_CONNECTION = "OpenEMR's database, its accounts and the ledger, because there is no connection to the server";

/**
 * OpenEMR's database server and everything on it. Each account looks with its own eyes, so that nobody needs more rights
 * than the agent has; the owner's only when the environment names it.
 */
export async function checkDatabase(config: DatabaseConfig, owner: Account | null, now: Date): Promise<Outcome> {
  const accounts: [Role, Account][] = [
    ['reader', config.reader],
    ['writer', config.writer],
    ...(config.feed.kind === 'binlog' ? [['feed', config.feed.account] satisfies [Role, Account]] : []),
    ...(owner === null ? [] : [['owner', owner] satisfies [Role, Account]]),
  ];
  const signedIn: SignedIn[] = [];
  const denied: Finding[] = [];
  try {
    for (const [role, account] of accounts) {
      try {
        signedIn.push({ role, account, connection: await signInToLook(config.database, account) });
      } catch (failure: unknown) {
        if (!isDenied(failure)) {
          return { findings: [notConnected(failure)], notChecked: [NO_CONNECTION] };
        }
        denied.push(deniedAccount(role, account));
      }
    }
    const outcomes = [{ findings: denied }, ...(await lookAround(config, signedIn, now))];
    const note = 'the ledger owner was not looked at: LEDGER_OWNER_USER is not set here';
    return together(owner === null ? [...outcomes, { findings: [], notes: [note] }] : outcomes);
  } finally {
    signedIn.forEach(({ connection }) => {
      connection.destroy();
    });
  }
}

async function lookAround(config: DatabaseConfig, signedIn: readonly SignedIn[], now: Date): Promise<Outcome[]> {
  const [anybody] = signedIn;
  if (anybody === undefined) {
    return [{ findings: [], notChecked: [NO_CONNECTION.replace('connection to', 'account let in by')] }];
  }
  const { openemrName } = config.database;
  const as = (role: Role): SignedIn | undefined => signedIn.find((each) => each.role === role);
  const [reader, writer] = [as('reader'), as('writer')];
  const comparable = await hasBothDatabases(config.database, signedIn);
  const lacking = new Set<Role>();
  const known = reader === undefined || !comparable ? NOTHING_LACKING : await lackingIn(reader, openemrName);
  const rights = await inTurn(signedIn, ({ role, account, connection }) =>
    guarded(`the rights of ${account.user}`, async () => {
      const grants = await readOwnGrants(connection);
      const signIn = checkSignIn(account.user, grants);
      if (!comparable) {
        return { findings: signIn, notChecked: [NOT_COMPARED] };
      }
      const { missing, excess } = checkGrants(role, account.user, config.database, grants, known);
      if (missing.length > 0) {
        lacking.add(role);
      }
      return { findings: [...signIn, ...missing, ...excess] };
    }),
  );
  return [
    await guarded("the server's settings", async () => ({
      findings: checkServer(await readServerFacts(anybody.connection), config.feed.kind, now),
    })),
    ...rights,
    ...(await inTurn(signedIn, (each) =>
      guarded(`passwords in the reach of ${each.account.user}`, async () => ({
        findings: await checkPasswords(each, openemrName),
      })),
    )),
    reader === undefined
      ? { findings: [], notChecked: ["OpenEMR's tables and settings, because the reader is not let in"] }
      : await guarded("OpenEMR's tables and settings", () =>
          checkOpenEmr(reader.connection, openemrName, !lacking.has('reader')),
        ),
    writer === undefined
      ? { findings: [], notChecked: ['the ledger, recipients and portal names, because the writer is not let in'] }
      : await guarded('the ledger, recipients and portal names', () => checkLedger(config, writer)),
  ];
}

/** What this OpenEMR is known to lack cannot be granted. A reader without any right sees nothing, and lacks all else too. */
async function lackingIn({ connection }: SignedIn, openemr: string): Promise<Lacking> {
  try {
    await connection.query('USE ??', [openemr]);
    return await findLacking(connection);
  } catch {
    return NOTHING_LACKING;
  }
}

/** Rights in a database that is not there, or not under this name, are a finding of another kind. */
async function hasBothDatabases(
  { openemrName, ledgerName }: LedgerAddress,
  signedIn: readonly SignedIn[],
): Promise<boolean> {
  const seen = new Set<string>();
  for (const { connection } of signedIn) {
    (await listDatabases(connection)).forEach((name) => seen.add(name));
  }
  return openemrName !== ledgerName && seen.has(openemrName) && seen.has(ledgerName);
}

/** One after the other: a connection answers one question at a time. */
async function inTurn<T>(each: readonly T[], look: (one: T) => Promise<Outcome>): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const one of each) {
    outcomes.push(await look(one));
  }
  return outcomes;
}

function notConnected(failure: unknown): Finding {
  return connectTrouble(failure) === 'unreachable'
    ? finding(
        'database-unreachable',
        `OpenEMR's database server cannot be reached (${failureCode(failure)})`,
        'start it, set OPENEMR_DB_HOST and OPENEMR_DB_PORT, or let the firewall pass the agent',
      )
    : finding(
        'database-certificate-refused',
        `the certificate of OpenEMR's database server is not accepted (${failureCode(failure)})`,
        'give the server one that is in force, of the CA in OPENEMR_DB_CA_FILE, with the name in OPENEMR_DB_HOST',
      );
}

const Refusal = z.object({ errno: z.int() });
/** Wrong name or password, locked, password to be changed: numbers, because the driver has no names for MariaDB's own. */
const DENIED: ReadonlySet<number> = new Set([1045, 1698, 1820, 1862, 4151]);

function isDenied(failure: unknown): boolean {
  return DENIED.has(Refusal.safeParse(failure).data?.errno ?? 0);
}

function deniedAccount(role: Role, { user }: Account): Finding {
  return finding(
    'account-denied',
    `OpenEMR's database server does not let the account ${user} in`,
    `make the account as declared, or set ${ACCOUNT_VARIABLES[role]}`,
  );
}
