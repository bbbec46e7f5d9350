import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { DEFAULT_DATABASES } from '../services/services.js';
import { checkDelivery, mailDifferences, resultDifferences, type DeliveryFigures } from './crash-checks.js';
import type { CrashDrill } from './crash-drill.js';
import type { JournalEntry, JournallingPatient } from './journal.js';

export interface Comparison extends DeliveryFigures {
  /** lines that differ between a chart in OpenEMR and what its patient reads */
  differences: string[];
  /** milliseconds from the end of the traffic until OpenEMR and the portal agreed, or until patience was over */
  settledAfter: number;
}

const PATIENCE = 120_000;
const PAUSE = 1_000;

/** Waits until nothing is under way any more, then compares OpenEMR, the portal and the journal. */
export async function compare(drill: CrashDrill, journal: readonly JournalEntry[]): Promise<Comparison> {
  const began = Date.now();
  for (;;) {
    await drill.revive();
    const openemr = await drill.system.openemr();
    try {
      const figures = await checkDelivery(openemr, journal);
      const differences = [...(await chartDifferences(drill, openemr)), ...(await leftovers(drill))];
      const settledAfter = Date.now() - began;
      const settled = figures.lost === 0 && figures.halved === 0 && differences.length === 0;
      if (settled || settledAfter > PATIENCE) {
        return { ...figures, differences, settledAfter };
      }
    } finally {
      await openemr.end();
    }
    await sleep(PAUSE);
  }
}

/** Everybody who was let in during the run has a chart by now. @returns what is wrong, in words */
export async function missingNewcomers(drill: CrashDrill): Promise<string[]> {
  const missing: string[] = [];
  for (const newcomer of drill.newcomers) {
    await newcomer.chart().catch((error: unknown) => {
      missing.push(error instanceof Error ? error.message : 'a newcomer has no chart');
    });
  }
  return missing;
}

async function chartDifferences(drill: CrashDrill, openemr: Connection): Promise<string[]> {
  const differences: string[] = [];
  for (const writer of drill.writers) {
    await writer.ensureSignedIn();
    const { patient, client, patientRef } = writer;
    differences.push(
      ...(await resultDifferences(openemr, patient, client, patientRef)),
      ...(await mailDifferences(openemr, await portalUsername(openemr, patient), client, patientRef)),
      ...(await shownTwice(writer)),
    );
  }
  return differences;
}

async function portalUsername(openemr: Connection, pid: number): Promise<string> {
  const [rows] = await openemr.query<RowDataPacket[]>(
    'SELECT portal_username AS username FROM patient_access_onsite WHERE pid = ?',
    [pid],
  );
  return String(rows[0]?.['username']);
}

/** The sender's own copy goes when the chart holds the message. */
async function shownTwice({ client, patient, patientRef }: JournallingPatient): Promise<string[]> {
  const answer = await client.get(`/api/charts/${patientRef}/own-copies`);
  const copies = Array.isArray(answer.body['copies']) ? answer.body['copies'].length : -1;
  return copies === 0 ? [] : [`patient ${String(patient)}: ${String(copies)} own copies beside the chart`];
}

async function leftovers(drill: CrashDrill): Promise<string[]> {
  const left = await waitingInDmz(drill);
  return left === 0 ? [] : [`${String(left)} envelopes wait in the DMZ`];
}

/** Envelopes that the inside has not taken. */
export async function waitingInDmz({ system }: CrashDrill): Promise<number> {
  const [row] = await system.services.dmz.adminSql("SELECT COUNT(*) AS n FROM ??.outbox WHERE state <> 'ACKED'", [
    DEFAULT_DATABASES.portal,
  ]);
  return Number(row?.['n']);
}
