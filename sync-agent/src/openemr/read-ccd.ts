import type { Pool } from 'mysql2/promise';
import { z } from 'zod';
import { Id, Text } from './column-types.js';
import { uuidText } from './read-documents.js';
import { openSnapshot } from './snapshot.js';

const Row = z.object({ uuid: Text });

/** What OpenEMR's API calls the patient; null until OpenEMR has given a name, or without such a patient. @throws OpenEmrReadFailed */
export async function readPatientUuid(reader: Pool, pid: number): Promise<string | null> {
  await using snapshot = await openSnapshot(reader);
  const [row] = await snapshot.select(
    "the patient's uuid",
    Row,
    'SELECT LOWER(HEX(uuid)) AS uuid FROM patient_data WHERE pid = ?',
    [pid],
  );
  return uuidText(row?.uuid ?? '');
}

const Made = z.object({ id: Id });
const MADE = "SELECT id FROM documents WHERE foreign_id = ? AND foreign_reference_table = 'ccda' AND deleted = 0";

/** `documents.id` of the C-CDA that OpenEMR filed last for a patient; ids rise. 0 without any. @throws OpenEmrReadFailed */
export async function readNewestCcd(reader: Pool, pid: number): Promise<number> {
  await using snapshot = await openSnapshot(reader);
  const [row] = await snapshot.select('the newest C-CDA', Made, `${MADE} ORDER BY id DESC LIMIT 1`, [pid]);
  return row?.id ?? 0;
}

/** Whether a document is a C-CDA that OpenEMR filed for a patient after another one. @throws OpenEmrReadFailed */
export async function isCcdOf(
  reader: Pool,
  pid: number,
  { uuid, after }: { uuid: string; after: number },
): Promise<boolean> {
  await using snapshot = await openSnapshot(reader);
  const named = [pid, uuid.replaceAll('-', ''), after];
  const rows = await snapshot.select('a C-CDA', Made, `${MADE} AND uuid = UNHEX(?) AND id > ?`, named);
  return rows.length === 1;
}
