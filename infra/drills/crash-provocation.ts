import type { SimulatedPatient } from '../demo/simulator.js';
import type { System } from '../demo/system.js';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { Newcomer } from './crash-newcomer.js';

const { ledger: LEDGER } = DEFAULT_DATABASES;

/** What makes a running system pass a crash point soon. */
export interface Provocation {
  /** passes of the point under ordinary traffic: so many more are let by, at most, before the kill */
  spared: number;
  /** while everything runs, before the process is killed and armed */
  before?: () => Promise<void>;
  /** while the process that will pass the point is down */
  whileDown?: () => Promise<void>;
  /** beside the armed process, which is up when `armed` resolves; goes on through the kill until what it began has ended */
  act?: (armed: Promise<void>) => Promise<void>;
  /** when all is up again: ends what would hold up the rest of the run */
  after?: () => Promise<void>;
  /** of the process that will pass the point, beside its own */
  environment?: Record<string, string>;
  /** the point is on the agent's command line, which runs with these arguments instead of the agent */
  commandLine?: string[];
}

export interface ProvocationContext {
  system: System;
  /** the next synthetic patient whom nobody has used */
  nextPatient: () => SimulatedPatient;
  /** those who joined and do nothing else, to be looked at again at the end */
  joined: Newcomer[];
}

/** Somebody with a chart who does nothing by themselves. */
export async function someoneJoined(context: ProvocationContext): Promise<Newcomer> {
  const newcomer = context.joined.at(-1) ?? (await Newcomer.join(context.system, context.nextPatient()));
  if (!context.joined.includes(newcomer)) {
    context.joined.push(newcomer);
  }
  await newcomer.chart();
  return newcomer;
}

/**
 * The ledger knows that the chart is in the DMZ as it stands. Seen there it may be earlier, and an agent that dies then
 * sends it anew.
 */
export async function acknowledged({ system }: ProvocationContext, pid: number): Promise<void> {
  await until('the chart acknowledged in the ledger', async () => {
    const [row] = await system.services.inside.adminSql(
      `SELECT COUNT(*) AS n FROM ??.chart c JOIN ??.chart_section s ON s.patient_ref = c.patient_ref
        WHERE c.pid = ? AND c.seq = c.attempted_seq AND s.name = 'profile'
          AND NOT EXISTS (SELECT 1 FROM ??.dirty d WHERE d.pid = c.pid)`,
      [LEDGER, LEDGER, pid, LEDGER],
    );
    return Number(row?.['n']) > 0;
  });
}
