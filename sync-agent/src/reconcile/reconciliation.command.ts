import { Command, InvalidArgumentError } from 'commander';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { readAgentConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { VANISHING_SENTENCE } from '../ledger/stand-still.js';
import { readLastComparison, readStatements, type KeptStatement, type LastComparison } from './daily-statement.js';

interface ReconciliationOptions {
  days: number;
  json?: true;
  confirmVanished?: true;
  confirmLost?: true;
}

interface Report {
  withDmz: LastComparison | null;
  withOpenEmr: LastComparison | null;
  /** losses wait for a person */
  vanishingStopped: boolean;
  /** submissions that vanished from the DMZ and that nobody has confirmed */
  lost: string[];
  statements: KeptStatement[];
}

const DIFFERENCES_REMAIN = 3;
/** Hours in which a confirmed loss goes out. */
const ALLOWED = 4;
const Places = z.array(z.object({ place: z.string() }));
const Stopped = z.array(z.object({ stopped: z.coerce.boolean() }));

/**
 * `reconciliation`: what the comparisons found. Exit code 3 when the last one found differences or has never been, when
 * a loss waits for a person, a submission was lost, or when a statement is not the one that the agent signed.
 */
export function reconciliationCommand(): Command {
  return new Command('reconciliation')
    .description('what the comparisons of ledger, DMZ and OpenEMR found: the last ones and the signed daily statements')
    .option('--days <n>', 'statements to show', wholeNumber, 7)
    .option('--json', 'print JSON instead of text')
    .option('--confirm-vanished', 'what vanished from OpenEMR is meant to be gone: let it leave the portal')
    .option('--confirm-lost', 'the submissions that are listed as lost are known; their senders were told')
    .action(async ({ days, json, confirmVanished, confirmLost }: ReconciliationOptions) => {
      const config = readAgentConfig();
      const keys = KeyStore.open(config.keyDir, config.siteId);
      const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
      try {
        if (confirmVanished === true) {
          await allowVanishing(ledger);
        }
        if (confirmLost === true) {
          await confirmLosses(ledger);
        }
        const report: Report = {
          withDmz: await readLastComparison(ledger.manager, 'dmz'),
          withOpenEmr: await readLastComparison(ledger.manager, 'openemr'),
          vanishingStopped: await isVanishingStopped(ledger),
          lost: await readLost(ledger),
          statements: await readStatements(ledger.manager, keys, days),
        };
        process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : describe(report));
        const confirms = confirmVanished === true || confirmLost === true;
        process.exitCode = !confirms && needsPerson(report) ? DIFFERENCES_REMAIN : 0;
      } finally {
        await ledger.destroy();
      }
    });
}

/** A person has looked: what waits goes out, and whatever else is lost in the same hours. */
export async function allowVanishing(ledger: DataSource): Promise<void> {
  crashPoint('before-commit:vanishing-allowed');
  await ledger.query(
    `UPDATE reconciliation_state SET vanishing_stopped_at = NULL,
        vanishing_allowed_until = DATE_ADD(UTC_TIMESTAMP(3), INTERVAL ? HOUR) WHERE id = 1`,
    [ALLOWED],
  );
  crashPoint('after-commit:vanishing-allowed');
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

async function isVanishingStopped(ledger: DataSource): Promise<boolean> {
  const rows: unknown = await ledger.query(
    'SELECT vanishing_stopped_at IS NOT NULL AS stopped FROM reconciliation_state WHERE id = 1',
  );
  return Stopped.parse(rows)[0]?.stopped ?? false;
}

function needsPerson({ withDmz, withOpenEmr, vanishingStopped, lost, statements }: Report): boolean {
  return (
    vanishingStopped ||
    lost.length > 0 ||
    withDmz === null ||
    withDmz.differences > 0 ||
    (withOpenEmr?.differences ?? 0) > 0 ||
    statements.some(({ genuine }) => !genuine)
  );
}

function describe({ withDmz, withOpenEmr, vanishingStopped, lost, statements }: Report): string {
  const lines = [
    `with the DMZ: ${described(withDmz)}`,
    `with OpenEMR, everything read again: ${described(withOpenEmr)}`,
    ...(vanishingStopped ? [`stopped: ${VANISHING_SENTENCE}`] : []),
    ...lost.map((place) => `gone from the DMZ before it was collected: ${place}`),
    ...statements.map(
      ({ statement: { day, charts, sections, root, withDmz: dmz, withOpenEmr: openemr }, genuine }) =>
        `${day}  ${String(charts)} charts, ${String(sections)} sections, root ${root.slice(0, 16)}…; with the DMZ ` +
        `${String(dmz.comparisons)} comparisons, ${String(dmz.differences)} differences, ${String(dmz.left)} left; ` +
        `with OpenEMR ${String(openemr.differences)} differences in ${String(openemr.charts)} charts` +
        (genuine ? '' : '; NOT WHAT THE AGENT SIGNED'),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function described(last: LastComparison | null): string {
  return last === null ? 'not compared yet' : `${String(last.differences)} differences at ${last.at}`;
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 400) {
    throw new InvalidArgumentError('must be a whole number from 1 to 400.');
  }
  return number;
}
