import type { System } from '../demo/system.js';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { Newcomer } from './crash-newcomer.js';
import type { Provocation, ProvocationContext } from './crash-provocation.js';

const { ledger: LEDGER, openemr: OPENEMR, portal: PORTAL } = DEFAULT_DATABASES;

/** A ledger from a backup is behind what it once sent of a chart, whose patient does nothing else in this run. */
export function restoredChart(context: ProvocationContext): Partial<Provocation> {
  const { inside } = context.system.services;
  let pid = 0;
  return {
    before: async () => {
      const newcomer = await Newcomer.join(context.system, context.nextPatient());
      ({ pid } = newcomer);
      await newcomer.chart();
      await newcomer.client.close();
    },
    whileDown: async () => {
      await inside.adminSql('UPDATE ??.chart SET seq = 0, attempted_seq = 0 WHERE pid = ?', [LEDGER, pid]);
      await inside.adminSql("UPDATE ??.patient_data SET usertext1 = 'restored' WHERE pid = ?", [OPENEMR, pid]);
    },
  };
}

/** The same of heartbeats, until somebody gives the ledger a number that is ahead again. */
export function restoredHeartbeat({ system }: ProvocationContext): Partial<Provocation> {
  const { inside } = system.services;
  let last = 0;
  const acknowledged = async (): Promise<boolean> => {
    const [row] = await inside.adminSql('SELECT era FROM ??.heartbeat_state', [LEDGER]);
    const [held] = await system.services.dmz.adminSql('SELECT era FROM ??.heartbeat', [PORTAL]);
    return row !== undefined && row['era'] === held?.['era'];
  };
  return {
    before: () => until('a heartbeat of the current era at the gateway', acknowledged),
    whileDown: async () => {
      const [row] = await inside.adminSql('SELECT seq FROM ??.heartbeat_state WHERE id = 1', [LEDGER]);
      last = Number(row?.['seq'] ?? 0);
      await inside.adminSql('UPDATE ??.heartbeat_state SET seq = 0', [LEDGER]);
    },
    after: async () => {
      const stopped = async (): Promise<boolean> => {
        const [row] = await inside.adminSql('SELECT stopped_reason AS reason FROM ??.heartbeat_state', [LEDGER]);
        return row?.['reason'] !== null;
      };
      await until('the heartbeats of a restored ledger to stop', stopped);
      await inside.adminSql('UPDATE ??.heartbeat_state SET seq = ?, stopped_reason = NULL', [LEDGER, last + 1_000]);
    },
  };
}

/** The DMZ comes from a backup: it has forgotten what it acknowledged. */
export function forgetfulDmz({ system }: ProvocationContext): Partial<Provocation> {
  return {
    whileDown: async () => {
      await system.services.dmz.adminSql('DELETE FROM ??.heartbeat', [PORTAL]);
      await system.services.dmz.adminSql('REPLACE INTO ??.restored (id, at) VALUES (1, UTC_TIMESTAMP(3))', [PORTAL]);
      await system.services.inside.adminSql('UPDATE ??.heartbeat_state SET refilled_at = NULL', [LEDGER]);
    },
  };
}

/** The day is over on which a comparison, careful with what a new era may still bring, takes nothing for lost or superfluous. */
export async function ageEras({ services }: System): Promise<void> {
  await services.inside.adminSql('UPDATE ??.era SET begun_at = begun_at - INTERVAL 2 DAY', [LEDGER]);
}

/** The agent that starts finds an era begun, and what that leaves to do with the gateway. */
export function eraBegins({ system }: ProvocationContext): Partial<Provocation> {
  return { whileDown: () => beginEra(system) };
}

/** The gateway hears of an era that began. */
export function eraIsTold({ system }: ProvocationContext): Partial<Provocation> {
  return {
    act: async (armed) => {
      await system.programs.agent.kill();
      // The command asks the gateway which eras it knows.
      await armed;
      await beginEra(system);
      await system.programs.agent.start();
    },
  };
}

async function beginEra(system: System): Promise<void> {
  await system.agentCommand(['restore', '--root-key', system.rootKeyFile]);
}
