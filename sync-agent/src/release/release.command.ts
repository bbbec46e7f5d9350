import { Command } from 'commander';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { readAgentConfig, type AgentConfig } from '../config.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { isStaff } from '../openemr/known-staff.js';
import { createOpenEmrPool } from '../openemr/openemr-database.js';
import { PatientRowMissing } from '../openemr/read-profile.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { decide, lift, ReleaseRefused, type NewDecision } from './decide.js';
import { describeHistory, readItemHistory } from './item-history.js';
import { readDecisions } from './read-decisions.js';
import { readItems, type ChartItem } from './read-items.js';
import { describeRules, readRules } from './read-rules.js';
import { RECALL_REASON, type ReleaseReason } from './release-reasons.js';
import { describeReport, readReleaseReport } from './release-report.js';
import {
  parseClass,
  parseCode,
  parseDuration,
  parseItem,
  parseReason,
  parseSensitivity,
  parseWhole,
  unfitForRule,
  type CodeWanted,
} from './rule-options.js';

interface ItemOptions {
  pid: number;
  item: string;
  by: string;
  reason: ReleaseReason;
  for: number | 'ever';
}

interface RuleOptions {
  pid?: number;
  class?: string;
  code?: CodeWanted;
  sensitivity?: string;
  by: string;
  reason: ReleaseReason;
  for: number | 'ever';
}

const BY = ['--by <user name>', "OpenEMR's user name of who decides"] as const;
const REASON = ['--reason <code>', 'provision of 45 CFR 171 that allows it, e.g. 171.202(e)'] as const;
const PID = ['--pid <pid>', "the patient's pid in OpenEMR"] as const;
const NOTHING_ELSE = { resourceId: null, recordClass: null, codeSystem: null, code: null, sensitivity: null };

/**
 * `release`: what may not be in the portal. Everything is there at once unless somebody has decided otherwise; the running
 * agent does what is decided here within a cycle, and ends it when its time is over.
 */
export function releaseCommand(): Command {
  return new Command('release')
    .description('what may be in the portal: hold, recall, rules, and how long everything else takes')
    .addCommand(itemsCommand())
    .addCommand(historyCommand())
    .addCommand(holdCommand())
    .addCommand(recallCommand())
    .addCommand(ruleCommand())
    .addCommand(rulesCommand())
    .addCommand(liftCommand())
    .addCommand(reportCommand());
}

function itemsCommand(): Command {
  return new Command('items')
    .description("a patient's entries with their ids, and which decision holds them")
    .requiredOption(...PID, parseWhole)
    .option('--class <class>', 'only this class of records', parseClass)
    .option('--json', 'print JSON instead of text')
    .action(async (options: { pid: number; class?: string; json?: true }) => {
      await inLedger(async (desk) => {
        const items = (await desk.items(options.pid)).filter(
          ({ recordClass }) => options.class === undefined || recordClass === options.class,
        );
        return options.json === true ? `${JSON.stringify(items)}\n` : describeItems(items);
      });
    });
}

function historyCommand(): Command {
  return new Command('history')
    .description(
      'when an entry was in the portal and in which version, as the DMZ acknowledged it, and who let it wait',
    )
    .requiredOption(...PID, parseWhole)
    .requiredOption('--item <id>', 'as `release items` prints it', parseItem)
    .option('--json', 'print JSON instead of text')
    .action(async ({ pid, item, json }: { pid: number; item: string; json?: true }) => {
      await inLedger(async ({ manager }) => {
        const history = await readItemHistory(manager, pid, item);
        return json === true ? `${JSON.stringify(history)}\n` : describeHistory(history);
      });
    });
}

function holdCommand(): Command {
  return new Command('hold')
    .description('an item that is not in the portal yet stays inside for a time')
    .requiredOption(...PID, parseWhole)
    .requiredOption('--item <id>', 'as `release items` prints it', parseItem)
    .requiredOption(...REASON, parseReason)
    .requiredOption('--for <time>', 'for how long, e.g. 36h or 7d', parseDuration)
    .requiredOption(...BY)
    .action(async ({ pid, item, by, reason, for: hours }: ItemOptions) => {
      await inLedger(async (desk) => {
        if (hours === 'ever') {
          throw new ReleaseRefused('a hold has an end: give hours or days with --for');
        }
        await desk.assertStaff(by);
        const { recordClass, decisionId } = await desk.item(pid, item);
        if (decisionId === null && (await isInPortal(desk.manager, pid, recordClass))) {
          throw new ReleaseRefused('this item is in the portal already; `release recall` withdraws it');
        }
        const id = await desk.decide({
          ...{ ...NOTHING_ELSE, kind: 'hold', pid, resourceId: item, recordClass, reason, author: by, hours },
        });
        return `decision ${String(id)}: the item stays inside until it is lifted or its time is over\n`;
      });
    });
}

function recallCommand(): Command {
  return new Command('recall')
    .description('withdraw an item from the portal for correction: the patient sees a notice in its place')
    .requiredOption(...PID, parseWhole)
    .requiredOption('--item <id>', 'as `release items` prints it', parseItem)
    .option(...REASON, parseReason, RECALL_REASON)
    .requiredOption(...BY)
    .action(async ({ pid, item, by, reason }: Omit<ItemOptions, 'for'>) => {
      await inLedger(async (desk) => {
        await desk.assertStaff(by);
        const { recordClass, decisionId } = await desk.item(pid, item);
        const notThere = !(await wasPushed(desk.manager, pid));
        if (notThere || (decisionId !== null && !(await isRecall(desk.manager, decisionId)))) {
          throw new ReleaseRefused(
            'this item is not in the portal, so there is nothing to withdraw; `release hold` keeps it inside',
          );
        }
        const id = await desk.decide({
          ...{ ...NOTHING_ELSE, kind: 'recall', pid, resourceId: item, recordClass, reason, author: by, hours: null },
        });
        return `decision ${String(id)}: the item is withdrawn until the decision is lifted\n`;
      });
    });
}

function ruleCommand(): Command {
  return new Command('rule')
    .description(
      'hold every entry of a class, code or sensitivity, also those that are in the portal, without a notice',
    )
    .option(...PID, parseWhole)
    .option('--class <class>', 'entries of this class of records', parseClass)
    .option('--code <system:code>', 'entries with this code; a * at its end: every code that begins so', parseCode)
    .option(
      '--sensitivity <word>',
      'high: visits that part of the staff does not see, and what was done there',
      parseSensitivity,
    )
    .requiredOption(...REASON, parseReason)
    .requiredOption('--for <time>', 'for how long, e.g. 36h, 7d or ever', parseDuration)
    .requiredOption(...BY)
    .action(async (rule: RuleOptions) => {
      await inLedger(async (desk) => {
        const unfit = unfitForRule(rule);
        if (unfit !== null) {
          throw new ReleaseRefused(unfit);
        }
        await desk.assertStaff(rule.by);
        if (rule.pid !== undefined) {
          await desk.items(rule.pid);
        }
        const id = await desk.decide({
          ...{
            kind: 'rule',
            resourceId: null,
            reason: rule.reason,
            author: rule.by,
            hours: rule.for === 'ever' ? null : rule.for,
          },
          ...{ pid: rule.pid ?? null, recordClass: rule.class ?? null, sensitivity: rule.sensitivity ?? null },
          ...{ codeSystem: rule.code?.system ?? null, code: rule.code?.code ?? null },
        });
        return `decision ${String(id)}: ${await desk.effect(id, rule.pid)}\n`;
      });
    });
}

function rulesCommand(): Command {
  return new Command('rules')
    .description('the decisions in force, and how many entries each holds')
    .option('--all', 'also those that have ended')
    .option('--json', 'print JSON instead of text')
    .action(async ({ all, json }: { all?: true; json?: true }) => {
      await inLedger(async ({ manager }) => {
        const rules = await readRules(manager, all === true);
        return json === true ? `${JSON.stringify(rules)}\n` : describeRules(rules);
      });
    });
}

function liftCommand(): Command {
  return new Command('lift')
    .description('end a hold, a rule or a recall: what it alone held goes out, corrected or as it is')
    .requiredOption('--decision <number>', 'as `release rules` prints it', parseWhole)
    .requiredOption(...BY)
    .action(async ({ decision, by }: { decision: number; by: string }) => {
      await inLedger(async (desk) => {
        await desk.assertStaff(by);
        await desk.lift(decision, by);
        return `decision ${String(decision)} is lifted\n`;
      });
    });
}

function reportCommand(): Command {
  return new Command('report')
    .description('how long changes took from OpenEMR to the portal, and everything that was held')
    .option('--days <n>', 'so many days back', parseWhole, 30)
    .option('--json', 'print JSON instead of text')
    .action(async ({ days, json }: { days: number; json?: true }) => {
      await inLedger(async ({ manager }) => {
        const report = await readReleaseReport(manager, days);
        return json === true ? `${JSON.stringify(report)}\n` : describeReport(report);
      });
    });
}

/** What the commands do with ledger and OpenEMR. */
interface Desk {
  manager: EntityManager;
  assertStaff: (username: string) => Promise<void>;
  /** entries of a patient, under the decisions in force */
  items: (pid: number) => Promise<ChartItem[]>;
  item: (pid: number, id: string) => Promise<ChartItem>;
  decide: (decision: NewDecision) => Promise<number>;
  lift: (decision: number, by: string) => Promise<void>;
  /** what a new rule does, in words */
  effect: (decision: number, pid: number | undefined) => Promise<string>;
}

async function inLedger(work: (desk: Desk) => Promise<string>): Promise<void> {
  const config = readAgentConfig();
  const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
  const { manager } = ledger;
  const items = (pid: number): Promise<ChartItem[]> => itemsOfPatient(config, manager, pid);
  try {
    process.stdout.write(
      await work({
        manager,
        items,
        assertStaff: (username) => assertStaff(config, manager, username),
        item: async (pid, id) => findItem(await items(pid), pid, id),
        decide: (decision) => decide(ledger, decision),
        lift: (decision, by) => lift(ledger, decision, by),
        effect: async (decision, pid) => effectOf(pid === undefined ? null : await items(pid), decision),
      }),
    );
  } finally {
    await ledger.destroy();
  }
}

async function itemsOfPatient(config: AgentConfig, manager: EntityManager, pid: number): Promise<ChartItem[]> {
  const { database, reader } = config;
  const pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader, connectionLimit: 1 });
  try {
    const keys = KeyStore.open(config.keyDir, config.siteId);
    return await readItems(pool, keys, pid, await readDecisions(manager, pid));
  } catch (failure: unknown) {
    throw failure instanceof PatientRowMissing
      ? new ReleaseRefused(`OpenEMR has no patient with pid ${String(pid)}`)
      : failure;
  } finally {
    await pool.end();
  }
}

async function assertStaff(config: AgentConfig, manager: EntityManager, username: string): Promise<void> {
  if (!(await isStaff(manager, openEmrTables(config.database.openemrName), username))) {
    throw new ReleaseRefused('--by must be the user name of somebody who may sign in to OpenEMR, letter for letter');
  }
}

function findItem(items: readonly ChartItem[], pid: number, id: string): ChartItem {
  const item = items.find((each) => each.id === id);
  if (item === undefined) {
    throw new ReleaseRefused(
      `the chart of patient ${String(pid)} has no such item; \`release items --pid ${String(pid)}\` lists them`,
    );
  }
  return item;
}

function effectOf(items: readonly ChartItem[] | null, decision: number): string {
  if (items === null) {
    return 'all charts are rendered again; `release rules` says how many entries it holds';
  }
  const held = items.filter(({ decisionId }) => decisionId === decision).length;
  return held === 0
    ? 'it matches nothing that this patient has now, and holds what may come'
    : `it holds ${String(held)} of this patient's entries`;
}

function describeItems(items: readonly ChartItem[]): string {
  const lines = items.map(({ id, recordClass, resourceType, name, date, decisionId }) =>
    [
      ...[id, recordClass, resourceType, date ?? 'no date', name === '' ? 'without a name' : name],
      ...(decisionId === null ? [] : [`held by decision ${String(decisionId)}`]),
    ].join('  '),
  );
  return lines.length === 0 ? 'nothing that could be held\n' : `${lines.join('\n')}\n`;
}

const Found = z.array(z.unknown());

async function wasPushed(manager: EntityManager, pid: number): Promise<boolean> {
  return Found.parse(await manager.query('SELECT 1 FROM chart WHERE pid = ? AND seq > 0', [pid])).length > 0;
}

/** Everything of a class without unread changes that nobody holds. */
async function isInPortal(manager: EntityManager, pid: number, recordClass: string): Promise<boolean> {
  const dirty = await manager.query<unknown>('SELECT 1 FROM dirty WHERE pid = ? AND record_class = ? LIMIT 1', [
    pid,
    recordClass,
  ]);
  return (await wasPushed(manager, pid)) && Found.parse(dirty).length === 0;
}

async function isRecall(manager: EntityManager, decision: number): Promise<boolean> {
  const rows: unknown = await manager.query("SELECT 1 FROM release_decision WHERE id = ? AND kind = 'recall'", [
    decision,
  ]);
  return Found.parse(rows).length > 0;
}
