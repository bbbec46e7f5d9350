import { documentsDir } from '../demo/simulator.js';
import { until } from '../demo/until.js';
import { addDocument, deleteDocument } from '../openemr-sim/clinic-documents.js';
import { sampleDocument } from '../openemr-sim/sample-documents.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { someoneJoined, type Provocation, type ProvocationContext } from './crash-provocation.js';

const { ledger: LEDGER, portal: PORTAL } = DEFAULT_DATABASES;

export function clinicFiles(context: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      const { pid } = await someoneJoined(context);
      for (let turn = 0; turn < 4; turn += 1) {
        await fileDocument(context, pid);
      }
    },
  };
}

export function patientAsksForCcd(context: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      await (await someoneJoined(context)).askForCcd();
    },
  };
}

/** The bytes of a new document cannot be had. */
export function openemrIsDown(context: ProvocationContext): Partial<Provocation> {
  return {
    before: () => context.system.simulator.stop(),
    ...clinicFiles(context),
    after: () => context.system.simulator.start(),
  };
}

export async function fileAndDelete(context: ProvocationContext): Promise<void> {
  const { pid } = await someoneJoined(context);
  const id = await fileDocument(context, pid);
  await untilHeld(context, id);
  const openemr = await context.system.openemr();
  try {
    await deleteDocument(openemr, { id });
  } finally {
    await openemr.end();
  }
}

/** A document that is held is wanted again, and cannot be had, or not be sent, as it was. */
export function wantedAgain(
  context: ProvocationContext,
  how: 'lost inside' | 'changed in the DMZ',
): Partial<Provocation> {
  const { dmz, inside } = context.system.services;
  let id = 0;
  return {
    before: async () => {
      const { pid } = await someoneJoined(context);
      id = await fileDocument(context, pid);
      await untilHeld(context, id);
    },
    whileDown: async () => {
      const lost = how === 'lost inside';
      await inside.adminSql(
        `UPDATE ??.document_blob SET state = 'wanted'${lost ? ', uuid = UUID()' : ''} WHERE document_id = ?`,
        [LEDGER, id],
      );
      if (!lost) {
        const [row] = await inside.adminSql('SELECT blob_id AS blobId FROM ??.document_blob WHERE document_id = ?', [
          LEDGER,
          id,
        ]);
        const blobId = row?.['blobId'];
        await dmz.adminSql('UPDATE ??.document_blob SET sha256 = REPEAT(CHAR(0), 32) WHERE blob_id = ?', [
          PORTAL,
          Buffer.isBuffer(blobId) ? blobId : '',
        ]);
      }
    },
  };
}

/** Somebody deletes bytes in the DMZ; the agent that starts compares. */
export function damagedDocument(context: ProvocationContext): Partial<Provocation> {
  let patientRef = '';
  return {
    before: async () => {
      const newcomer = await someoneJoined(context);
      patientRef = await newcomer.chart();
      await untilHeld(context, await fileDocument(context, newcomer.pid));
    },
    whileDown: async () => {
      await context.system.services.dmz.adminSql(
        `DELETE FROM ??.document_chunk
          WHERE n = 0 AND blob_id IN (SELECT blob_id FROM ??.document_blob WHERE patient_ref = UNHEX(?))`,
        [PORTAL, PORTAL, patientRef],
      );
    },
  };
}

/** Two chunks. @returns `documents.id` */
async function fileDocument({ system }: ProvocationContext, pid: number): Promise<number> {
  const openemr = await system.openemr();
  try {
    const folder = documentsDir(system.services.inside);
    const document = sampleDocument('text', 'A line of a long report. '.repeat(4_000));
    return (await addDocument(openemr, folder, { ...document, pid })).id;
  } finally {
    await openemr.end();
  }
}

async function untilHeld({ system }: ProvocationContext, id: number): Promise<void> {
  await until('the bytes of a document in the DMZ', async () => {
    const [row] = await system.services.inside.adminSql(
      "SELECT COUNT(*) AS n FROM ??.document_blob WHERE document_id = ? AND state = 'held'",
      [LEDGER, id],
    );
    return Number(row?.['n']) > 0;
  });
}
