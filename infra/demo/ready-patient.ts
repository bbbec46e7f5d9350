import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PortalClient, PortalRefused, type Credentials } from './portal-client.js';
import type { System } from './system.js';
import { until } from './until.js';

/** The demo's patient who has joined already, with all that a person needs to sign in. */
const ReadyPatient = z.object({
  pid: z.number(),
  patient: z.string(),
  name: z.string(),
  password: z.string(),
  totpSecret: z.string(),
});
export type ReadyPatient = z.infer<typeof ReadyPatient>;

const READY_NAMES = ['demo@example.org', 'demo2@example.org', 'demo3@example.org'];
const READY_PASSWORD = 'lantern orchard quiet river';

/** Signs the first patient up once; later starts read the credentials from the data folder (never the DMZ's). */
export async function readyPatient(system: System, dataDir: string): Promise<ReadyPatient> {
  const file = join(dataDir, 'inside/ready-patient.json');
  if (existsSync(file)) {
    return ReadyPatient.parse(JSON.parse(readFileSync(file, 'utf8')));
  }
  const [patient] = system.patients;
  if (patient === undefined) {
    throw new Error('the simulator has no patients');
  }
  const browser = new PortalClient(system.entrance);
  try {
    const credentials = await joinUnderFreeName(system, browser, patient);
    const ready: ReadyPatient = { pid: patient.pid, patient: patient.name, ...credentials };
    // Kept before the chart is there: a start that is cut short now goes on with this account.
    writeFileSync(file, JSON.stringify(ready), { mode: 0o600 });
    await chartArrived(browser);
    return ready;
  } finally {
    await browser.close();
  }
}

/** A start that was cut short between joining and keeping the credentials leaves a name behind that nobody can use. */
async function joinUnderFreeName(
  system: System,
  browser: PortalClient,
  patient: System['patients'][number],
): Promise<Credentials> {
  for (const name of READY_NAMES) {
    const { code } = await system.invite(patient.pid);
    try {
      return await browser.join(code, patient.dateOfBirth, name, READY_PASSWORD);
    } catch (error: unknown) {
      if (!(error instanceof PortalRefused) || error.code !== 'name-taken') {
        throw error;
      }
    }
  }
  throw new Error('every name of the ready patient is taken; start again with --reset');
}

/** Waits until the clinic has confirmed the account and its chart can be read. */
export async function chartArrived(browser: PortalClient): Promise<string> {
  let patientRef: string | undefined;
  await until('the chart in the DMZ', async () => {
    patientRef = await browser.patientRef();
    return patientRef !== undefined && (await browser.section(patientRef, 'profile')).status === 200;
  });
  return patientRef ?? '';
}
