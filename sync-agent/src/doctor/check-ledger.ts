import type { RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import type { AgentConfig } from '../config.js';
import { agentRests } from '../cut/cut-ledger.js';
import { failureCode } from '../failure-code.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { readStuckSeconds, STUCK } from '../ledger/stuck-statements.js';
import { countPortalNames, findOtherEngines } from '../openemr/look-around.js';
import { readMailUser } from '../openemr/read-pool.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import type { SignedIn } from './check-accounts.js';
import { FEED_SILENCE, readFeed } from '../replicate/read-status.js';
import { checkEngines } from './check-openemr.js';
import { finding, together, type Finding, type Outcome } from './finding.js';

type LedgerConfig = Pick<AgentConfig, 'database' | 'writer' | 'pools'>;

const UNSEEN = "recipients of messages and portal names, because the ledger's tables are not in order";

/** The ledger, and what the writer sees from there: recipients of messages and names in portal mail. */
export async function checkLedger(config: LedgerConfig, { connection }: SignedIn): Promise<Outcome> {
  const { ledgerName, openemrName } = config.database;
  if (ledgerName.toLowerCase() === openemrName.toLowerCase()) {
    const same = finding(
      'ledger-in-openemr',
      "LEDGER_DB_NAME is OpenEMR's own database",
      'make a database of its own for the ledger and set LEDGER_DB_NAME to it',
    );
    return { findings: [same], notChecked: [UNSEEN] };
  }
  try {
    await connection.query('USE ??', [ledgerName]);
  } catch (failure: unknown) {
    const missing = finding(
      'ledger-missing',
      `the writer finds no database ${ledgerName} (${failureCode(failure)})`,
      'make it on the server of OpenEMR, give the accounts their grants, and run `ledger migrate`',
    );
    return { findings: [missing], notChecked: [UNSEEN] };
  }
  const engines = checkEngines(await findOtherEngines(connection, ledgerName));
  const ledger = createLedgerDataSource(config.database, config.writer);
  await ledger.initialize();
  try {
    const migrations = checkMigrations(
      ledger.migrations.map(({ name, constructor }) => name ?? constructor.name),
      await readMigrations(connection),
    );
    const rows = migrations.length > 0 ? { findings: [], notChecked: [UNSEEN] } : await checkRows(config, ledger);
    const stuck = checkStuck(await readStuckSeconds(ledger.manager));
    return together([{ findings: [...engines, ...migrations, ...stuck] }, rows]);
  } finally {
    await ledger.destroy();
  }
}

function checkStuck(seconds: number | null): Finding[] {
  return seconds === null
    ? []
    : [
        finding(
          'database-stuck',
          `OpenEMR's database server lets the agent wait for ${String(seconds)} s now, ${STUCK}`,
          'look at the error log of the server and free some space; nothing is lost, and the agent goes on by itself',
        ),
      ];
}

const Names = z.array(z.object({ name: z.string() }));

async function readMigrations(connection: SignedIn['connection']): Promise<string[]> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT name FROM migration');
    return Names.parse(rows).map(({ name }) => name);
  } catch (failure: unknown) {
    if (failureCode(failure) === 'ER_NO_SUCH_TABLE') {
      return [];
    }
    throw failure;
  }
}

/** @param ours names of this version's migrations. @param applied names in the ledger */
export function checkMigrations(ours: readonly string[], applied: readonly string[]): Finding[] {
  if (applied.some((name) => !ours.includes(name))) {
    const newer = finding(
      'ledger-newer',
      'the ledger was migrated by a newer version of the agent',
      'install that version, or restore the backup that belongs to this one',
    );
    return [newer];
  }
  const owed = ours.filter((name) => !applied.includes(name)).length;
  return owed === 0
    ? []
    : [
        finding(
          'ledger-not-migrated',
          `the ledger lacks ${String(owed)} of ${String(ours.length)} migrations`,
          'run `ledger migrate`, then give the accounts their grants',
        ),
      ];
}

async function checkRows(
  { database, pools }: LedgerConfig,
  { manager }: ReturnType<typeof createLedgerDataSource>,
): Promise<Outcome> {
  const tables = openEmrTables(database.openemrName);
  const findings: Finding[] = [];
  for (const [topic, user] of Object.entries(pools)) {
    if ((await readMailUser(manager, tables, user)) === null) {
      findings.push(
        finding(
          'pool-without-recipient',
          `messages of topic ${topic} go to ${user}, who is no active OpenEMR user marked as portal user`,
          'mark the user under Administration, Users, or name another in POOLS',
        ),
      );
    }
  }
  const feed = (await agentRests(manager, database.ledgerName)) ? null : await readFeed(manager);
  const names = checkPortalNames(await countPortalNames(manager, tables));
  return { findings: [...findings, ...checkFeed(feed?.silentSeconds ?? 0), ...names] };
}

function checkFeed(silentSeconds: number): Finding[] {
  return silentSeconds < FEED_SILENCE
    ? []
    : [
        finding(
          'feed-stands-still',
          `the running agent has recorded nothing of OpenEMR's changes for ${String(silentSeconds)} s`,
          "read the agent's log under `change-feed`, and mend what else is named here",
        ),
      ];
}

function checkPortalNames({ shared, missing }: { shared: number; missing: number }): Finding[] {
  const found: Finding[] = [];
  if (shared > 0) {
    found.push(
      finding(
        'portal-name-shared',
        `${String(shared)} patients who may use the portal have a portal name that is somebody else's too`,
        'give each a portal user name of their own in OpenEMR',
      ),
    );
  }
  if (missing > 0) {
    found.push(
      finding(
        'portal-name-missing',
        `${String(missing)} patients of the portal have no portal name in OpenEMR any more`,
        'give every patient of the portal a portal user name in OpenEMR again',
      ),
    );
  }
  return found;
}
