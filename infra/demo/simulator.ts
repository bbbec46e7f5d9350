import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { z } from 'zod';
import { addDocument } from '../openemr-sim/clinic-documents.js';
import { assignUuids } from '../openemr-sim/clinic-patients.js';
import { writeNote } from '../openemr-sim/clinic-visits.js';
import { loadBundle } from '../openemr-sim/load-bundle.js';
import { loadPractice } from '../openemr-sim/practice.js';
import { SAMPLE_KINDS, sampleDocument } from '../openemr-sim/sample-documents.js';
import { createOpenEmrSchema } from '../openemr-sim/schema.js';
import { readBundles } from '../openemr-sim/sim-data.js';
import { THIS_MACHINE, type Place } from '../services/place.js';
import { createDatabases, DEFAULT_DATABASES, type Services } from '../services/services.js';

export const PRACTICE = { name: 'Riverside Family Practice (synthetic)', timeZone: 'America/New_York' };

const SimulatedPatient = z.object({ pid: z.number(), name: z.string(), dateOfBirth: z.string() });
export type SimulatedPatient = z.infer<typeof SimulatedPatient>;

const Installation = z.object({ siteId: z.uuid(), patients: z.array(SimulatedPatient) });
export type Installation = z.infer<typeof Installation>;

/** The first patients have documents; more would only cost time at the start. */
const PATIENTS_WITH_DOCUMENTS = 12;

/** First start: OpenEMR's schema, a practice and the synthetic patients; later starts read what was made. */
export async function installSimulator(
  services: Services,
  { patients: count, place, log }: { patients: number; place?: Place; log: (line: string) => void },
): Promise<Installation> {
  const file = join(services.dataDir, 'inside/installation.json');
  if (existsSync(file)) {
    return Installation.parse(JSON.parse(readFileSync(file, 'utf8')));
  }
  // Without the file an earlier first start was cut short: what it left of OpenEMR is not used.
  await services.inside.adminSql('DROP DATABASE IF EXISTS ??', [DEFAULT_DATABASES.openemr]);
  await createDatabases(services.inside, DEFAULT_DATABASES);
  log(`Loading ${String(count)} synthetic patients into the OpenEMR simulator`);
  const connection = await openemrConnection(services, place);
  const patients: SimulatedPatient[] = [];
  try {
    await createOpenEmrSchema(connection);
    await loadPractice(connection, { timeZone: PRACTICE.timeZone });
    for (const bundle of readBundles().slice(0, count)) {
      const loaded = await loadBundle(connection, bundle, { portal: true, timeZone: PRACTICE.timeZone });
      if (patients.length < PATIENTS_WITH_DOCUMENTS) {
        await fileSamples(connection, documentsDir(services.inside), loaded);
      }
      await writeSampleNotes(connection, loaded.pid);
      patients.push({ pid: loaded.pid, name: loaded.name, dateOfBirth: loaded.dateOfBirth });
    }
    await assignUuids(connection);
  } finally {
    await connection.end();
  }
  const installation: Installation = { siteId: randomUUID(), patients };
  mkdirSync(join(services.dataDir, 'inside'), { recursive: true });
  writeFileSync(file, JSON.stringify(installation), { mode: 0o600 });
  return installation;
}

/** One small document of each kind. */
async function fileSamples(
  connection: Connection,
  folder: string,
  { pid, name }: { pid: number; name: string },
): Promise<void> {
  const text = `Filed for the synthetic patient ${name.normalize('NFD').replace(/[^ -~]/g, '')}.`;
  for (const kind of SAMPLE_KINDS) {
    await addDocument(connection, folder, { ...sampleDocument(kind, text), pid });
  }
}

/** Where the simulator keeps documents' bytes. */
export function documentsDir({ dir }: { dir: string }): string {
  return join(dir, 'openemr-documents');
}

/** Synthea writes no notes. These say what they are. */
async function writeSampleNotes(connection: Connection, pid: number): Promise<void> {
  await writeNote(connection, {
    ...{ pid, type: 'progress_note', category: '' },
    text: 'Synthetic note of the simulator.\n\nFeels well. Examination without findings. Return in six months.',
  });
  await writeNote(connection, {
    ...{ pid, type: 'diagnostic_imaging_narrative', category: 'radiology' },
    text: 'Synthetic report of the simulator.\n\nChest, two views: lungs clear, heart of normal size. No acute findings.',
  });
}

/** A connection as the clinic's own application has it. */
export function openemrConnection(services: Services, place: Place = THIS_MACHINE): Promise<Connection> {
  const { mariadb, secretFile } = services.inside;
  const door = place.door(mariadb.port);
  return createConnection({
    host: mariadb.host,
    ...('path' in door ? { socketPath: door.path } : { port: door.port }),
    user: 'openemr',
    password: readFileSync(secretFile('openemr'), 'utf8').trim(),
    database: DEFAULT_DATABASES.openemr,
    charset: 'utf8mb4',
    dateStrings: true,
    ssl: { ca: readFileSync(mariadb.caFile, 'utf8'), verifyIdentity: true },
  });
}
