import { Command, InvalidArgumentError } from 'commander';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { Ref } from 'sync-contract/identifiers';
import { readAgentConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { isStaff } from '../openemr/known-staff.js';
import { openEmrTables, type OpenEmrTables } from '../openemr/writer-tables.js';
import { allowVanishing, isVanishingStopped, readHeldCharts } from '../replicate/allow-vanishing.js';
import { complaintsAbout, type Findings } from './complaints.js';
import { describeFindings } from './describe-findings.js';
import { readLastComparison, readStatements } from './read-statements.js';
import { signOff, SignOffRefused } from './sign-off.js';

interface ReconciliationOptions {
  days: number;
  json?: true;
  confirmVanished?: true;
  chart?: string;
  confirmLost?: true;
  signOff?: string;
  by?: string;
  note?: string;
}

const DIFFERENCES_REMAIN = 3;
const MOST_DAYS = 400;
const Places = z.array(z.object({ place: z.string() }));

/**
 * `reconciliation`: what the comparisons found. Exit code 3 when one found differences, is old or has never been, when a
 * loss waits for a person or a submission was lost, and when a statement is missing, is not the one that the agent signed,
 * or names another one before it. With `--sign-off` a person says to have read the statement of a day.
 */
export function reconciliationCommand(): Command {
  return new Command('reconciliation')
    .description('what the comparisons of ledger, DMZ and OpenEMR found: the last ones and the signed daily statements')
    .option('--days <n>', 'statements to show', wholeNumber, 7)
    .option('--json', 'print JSON instead of text')
    .option('--confirm-vanished', 'what vanished from OpenEMR is meant to be gone: let it leave the portal')
    .option('--chart <reference>', 'with --confirm-vanished: only what this chart waits for, once', reference)
    .option('--confirm-lost', 'the submissions that are listed as lost are known; their senders were told')
    .option('--sign-off <day>', 'a person has read the statement of this day, e.g. 2026-11-22, or of the `newest`')
    .option('--by <user name>', "with --sign-off: OpenEMR's user name of that person")
    .option('--note <text>', 'with --sign-off: what the person has to say about it, without naming a patient')
    .action(
      async ({ days, json, confirmVanished, chart, confirmLost, signOff: day, by, note }: ReconciliationOptions) => {
        const config = readAgentConfig();
        const keys = KeyStore.open(config.keyDir, config.siteId);
        const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
        try {
          if (confirmVanished === true) {
            await allowVanishing(ledger, chart);
          }
          if (confirmLost === true) {
            await confirmLosses(ledger);
          }
          if (day !== undefined) {
            const tables = openEmrTables(config.database.openemrName);
            await signOffDay({ ledger, keys, tables }, { day, by: by ?? '', note: note ?? '' });
          }
          const findings: Findings = {
            withDmz: await readLastComparison(ledger.manager, 'dmz'),
            withOpenEmr: await readLastComparison(ledger.manager, 'openemr'),
            vanishingStopped: await isVanishingStopped(ledger),
            heldCharts: await readHeldCharts(ledger),
            lost: await readLost(ledger),
            statements: await readStatements(ledger.manager, keys, days),
          };
          const complaints = complaintsAbout(findings, new Date(), config.reconciliation.every);
          process.stdout.write(
            json === true ? `${JSON.stringify({ ...findings, complaints })}\n` : describeFindings(findings, complaints),
          );
          const confirms = confirmVanished === true || confirmLost === true || day !== undefined;
          process.exitCode = !confirms && complaints.length > 0 ? DIFFERENCES_REMAIN : 0;
        } finally {
          await ledger.destroy();
        }
      },
    );
}

/** A person knows of what was lost. */
export async function confirmLosses(ledger: DataSource): Promise<void> {
  crashPoint('before-commit:lost-confirmed');
  await ledger.query('UPDATE lost_submission SET confirmed_at = UTC_TIMESTAMP(3) WHERE confirmed_at IS NULL');
  crashPoint('after-commit:lost-confirmed');
}

async function readLost(ledger: DataSource): Promise<string[]> {
  const rows: unknown = await ledger.query(
    'SELECT place FROM lost_submission WHERE confirmed_at IS NULL ORDER BY found_at, place LIMIT 1000',
  );
  return Places.parse(rows).map(({ place }) => place);
}

/** @throws SignOffRefused */
export async function signOffDay(
  { ledger, keys, tables }: { ledger: DataSource; keys: KeyStore; tables: OpenEmrTables },
  { day, by, note }: { day: string; by: string; note: string },
): Promise<void> {
  if (!(await isStaff(ledger.manager, tables, by))) {
    throw new SignOffRefused('--by must be the user name of somebody who may sign in to OpenEMR');
  }
  const statements = await readStatements(ledger.manager, keys, MOST_DAYS);
  const kept = day === 'newest' ? statements[0] : statements.find(({ statement }) => statement.day === day);
  if (kept === undefined) {
    throw new SignOffRefused(`there is no statement of ${day}`);
  }
  if (!kept.genuine) {
    throw new SignOffRefused(`the statement of ${day} is not what the agent signed`);
  }
  await signOff(ledger, keys, { day: kept.statement.day, hash: kept.hash, by, note });
}

function reference(text: string): string {
  if (!Ref.safeParse(text).success) {
    throw new InvalidArgumentError('must be the reference of a chart, as the log and this command name it.');
  }
  return text;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > MOST_DAYS) {
    throw new InvalidArgumentError(`must be a whole number from 1 to ${String(MOST_DAYS)}.`);
  }
  return number;
}
