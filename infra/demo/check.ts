import { randomUUID } from 'node:crypto';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { newResult } from '../openemr-sim/clinic-labs.js';
import { reply } from '../openemr-sim/clinic-mail.js';
import type { Browser } from 'playwright-core';
import { launchBrowser, type BrowserPlace } from './browser.js';
import { PatientPage } from './patient-page.js';
import { type ReadyPatient } from './ready-patient.js';
import { until } from './until.js';
import type { System } from './system.js';

interface MailRow extends RowDataPacket {
  id: number;
  owner: string;
  sender_id: string;
}

/**
 * One round trip as a patient and the clinic live it, in a headless browser against the running system; each step is
 * printed with its time. @throws at the first step that does not happen
 */
export async function runCheck(
  system: System,
  patient: ReadyPatient,
  print: (line: string) => void,
  place?: BrowserPlace,
): Promise<void> {
  const browser = await launchBrowser(place);
  const openemr = await system.openemr();
  try {
    const patientPage = await PatientPage.open(browser, system.origin);
    await step(print, 'signed in, chart visible', async () => {
      await patientPage.signIn(patient);
      await patientPage.goTo('/medications');
      await patientPage.page.getByRole('heading', { name: 'Medications', level: 1 }).waitFor();
      await patientPage.textShown('Up to date as of');
    });
    const mark = randomUUID().slice(0, 8);
    await step(print, 'another patient joined by invite', () => joinAnother(system, browser, mark));
    const question = `Question ${mark}: may I take it with food?`;
    await step(print, 'message sent', async () => {
      await patientPage.sendMessage('Medication', `Check ${mark}`, question);
      await patientPage.textShown(question);
    });
    await step(print, 'both copies in onsite_mail', () => copiesWritten(openemr, mark));
    const answer = `Answer ${mark}: yes, with a full glass of water.`;
    await step(print, 'staff reply visible without reload', async () => {
      await reply(openemr, { staff: 'frontdesk', body: `<p>${answer}</p>` });
      await patientPage.textShown(answer);
    });
    await step(print, 'new lab result visible without reload', async () => {
      await patientPage.goTo('/results');
      await patientPage.page.getByRole('heading', { name: 'Test results', level: 1 }).waitFor();
      const name = `Glucose ${mark}`;
      await newResult(openemr, { pid: patient.pid, loinc: '2345-7', name, value: '97', units: 'mg/dL' });
      await patientPage.textShown(name);
    });
  } finally {
    await openemr.end();
    await browser.close();
  }
}

/** The open invite, in a browser of its own: from the code to the medications, without a reload. */
async function joinAnother(system: System, browser: Browser, mark: string): Promise<void> {
  const patient = system.patients[1];
  if (patient === undefined) {
    throw new Error('the simulator has no second patient');
  }
  const { code } = await system.invite(patient.pid);
  const page = await PatientPage.open(browser, system.origin);
  await page.join(code, patient.dateOfBirth, `check-${mark}@example.org`, `quiet meadow ${mark} lantern`);
  await page.textShown('Up to date as of');
  await page.goTo('/profile');
  await page.textShown(patient.name);
  await page.page.context().close();
}

async function step(print: (line: string) => void, name: string, act: () => Promise<void>): Promise<void> {
  const begun = performance.now();
  await act();
  print(`  ${name.padEnd(44)} ${((performance.now() - begun) / 1000).toFixed(2).padStart(6)} s`);
}

async function copiesWritten(openemr: Connection, mark: string): Promise<void> {
  await until('the message in OpenEMR', async () => {
    const [rows] = await openemr.query<MailRow[]>('SELECT id, owner, sender_id FROM onsite_mail WHERE body LIKE ?', [
      `%Question ${mark}%`,
    ]);
    return rows.length === 2 && rows.filter((row) => row.owner === row.sender_id).length === 1;
  });
}
