import { randomUUID } from 'node:crypto';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { Newcomer } from './crash-newcomer.js';
import { someoneJoined, type Provocation, type ProvocationContext } from './crash-provocation.js';

const { ledger: LEDGER, openemr: OPENEMR } = DEFAULT_DATABASES;

export function someoneJoins(context: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      const newcomer = await Newcomer.join(context.system, context.nextPatient());
      context.joined.push(newcomer);
      await newcomer.chart();
    },
  };
}

export async function joinWithWrongDate(context: ProvocationContext): Promise<void> {
  const patient = context.nextPatient();
  const newcomer = await Newcomer.join(context.system, patient, { wrongDate: true });
  await newcomer.correctDate(patient.dateOfBirth);
  context.joined.push(newcomer);
  await newcomer.chart();
}

export async function signInAgain(context: ProvocationContext): Promise<void> {
  await (await someoneJoined(context)).signInAgain();
}

/** Someone whose chart is frozen writes: the message is collected and waits; with `revoked` it can never be delivered. */
export function frozenPatient(context: ProvocationContext, then: 'frozen' | 'revoked'): Partial<Provocation> {
  const { system } = context;
  const inside = system.services.inside;
  let pid = 0;
  const setState = async (state: string): Promise<void> => {
    await inside.adminSql('UPDATE ??.patient SET state = ? WHERE pid = ?', [LEDGER, state, pid]);
  };
  const waiting = async (): Promise<boolean> => {
    const [row] = await inside.adminSql(
      `SELECT COUNT(*) AS n FROM ??.submission s JOIN ??.patient p ON p.patient_ref = s.patient_ref
        WHERE p.pid = ? AND s.state = 'RECEIVED'`,
      [LEDGER, LEDGER, pid],
    );
    return Number(row?.['n']) > 0;
  };
  return {
    before: async () => {
      const newcomer = await Newcomer.join(system, context.nextPatient());
      ({ pid } = newcomer);
      const patientRef = await newcomer.chart();
      await setState('frozen');
      const message = { threadId: null, topic: 'General', subject: 'Waits', body: 'This one waits for the clinic' };
      await newcomer.client.sendMessage(patientRef, message, randomUUID());
      await until('the message of a frozen chart in the ledger', waiting);
      await newcomer.client.close();
    },
    ...(then === 'revoked' ? { whileDown: () => setState('revoked') } : {}),
  };
}

/** A person confirms a patient whom a restore froze. */
export function confirmedPatient({ system, nextPatient }: ProvocationContext): Partial<Provocation> {
  const { pid } = nextPatient();
  return {
    before: async () => {
      await system.invite(pid);
      await system.services.inside.adminSql("UPDATE ??.patient SET state = 'frozen' WHERE pid = ?", [LEDGER, pid]);
    },
    commandLine: ['restore', '--same-patient', String(pid), '--json'],
  };
}

/** The clinic bars a patient with a chart, who does nothing else in this run. */
export function barredPatient(context: ProvocationContext): Partial<Provocation> {
  let pid = 0;
  return {
    before: async () => {
      const newcomer = await Newcomer.join(context.system, context.nextPatient());
      ({ pid } = newcomer);
      await newcomer.chart();
      await newcomer.client.close();
    },
    whileDown: async () => {
      const { inside } = context.system.services;
      await inside.adminSql("UPDATE ??.patient_data SET allow_patient_portal = 'NO' WHERE pid = ?", [OPENEMR, pid]);
    },
  };
}
