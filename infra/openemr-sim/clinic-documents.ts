import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow } from './insert-rows.js';

export interface NewDocument {
  pid: number;
  name: string;
  mimetype: string;
  bytes: Buffer;
  /** name of one of OpenEMR's categories */
  category?: string;
  /** row that OpenEMR made the document for */
  reference?: { table: string; id: number };
}

/** Where staff file what has no better place. */
const MEDICAL_RECORD = 'Medical Record';

/**
 * Staff file a document in a patient's chart: the row, then its category, and the bytes in `documentsDir`. Unlike OpenEMR
 * the simulator keeps them unencrypted.
 */
export async function addDocument(
  connection: Connection,
  documentsDir: string,
  { pid, name, mimetype, bytes, category = MEDICAL_RECORD, reference }: NewDocument,
): Promise<{ id: number; uuid: string } & Commit> {
  const { now } = await openScreen(connection);
  const categoryId = await findCategory(connection, category);
  const [uuid, driveUuid] = [randomUUID(), randomUUID()];
  mkdirSync(documentsDir, { recursive: true });
  writeFileSync(join(documentsDir, driveUuid), bytes, { mode: 0o600, flag: 'wx' });
  const [id, commit] = await commitBetween(connection, () =>
    withNextId(connection, async (next) => {
      await insertRow(connection, 'documents', {
        id: next,
        uuid: binaryUuid(uuid),
        type: 'file_url',
        size: bytes.length,
        date: now,
        url: `file:///var/www/openemr/sites/default/documents/${String(pid)}/${driveUuid}`,
        mimetype,
        owner: 1,
        foreign_id: pid,
        docdate: now.slice(0, 10),
        hash: createHash('sha3-512').update(bytes).digest('hex'),
        name,
        drive_uuid: binaryUuid(driveUuid),
        ...(reference === undefined
          ? {}
          : { foreign_reference_table: reference.table, foreign_reference_id: reference.id }),
      });
      await insertRow(connection, 'categories_to_documents', { category_id: categoryId, document_id: next });
    }),
  );
  return { id, uuid, ...commit };
}

const DUPLICATE = z.object({ code: z.literal('ER_DUP_ENTRY') });

/** OpenEMR draws the id from a counter of its own, which was not recorded: here it is the next that nobody else has taken. */
async function withNextId(connection: Connection, write: (id: number) => Promise<void>): Promise<number> {
  for (;;) {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT COALESCE(MAX(id), 0) + 1 AS id FROM documents');
    const id = Number(rows[0]?.['id']);
    try {
      await write(id);
      return id;
    } catch (failure: unknown) {
      if (!DUPLICATE.safeParse(failure).success) {
        throw failure;
      }
    }
  }
}

/** Staff delete a document: OpenEMR marks the row and keeps it. */
export async function deleteDocument(connection: Connection, { id }: { id: number }): Promise<Commit> {
  await openScreen(connection);
  const [[result], commit] = await commitBetween(connection, () =>
    connection.execute<ResultSetHeader>('UPDATE documents SET deleted = 1 WHERE id = ? AND deleted = 0', [id]),
  );
  if (result.affectedRows === 0) {
    throw new ClinicRefusal('there is no such document');
  }
  return commit;
}

async function findCategory(connection: Connection, name: string): Promise<number> {
  const [rows] = await connection.execute<RowDataPacket[]>('SELECT id FROM categories WHERE name = ? ORDER BY id', [
    name,
  ]);
  if (rows[0] === undefined) {
    throw new ClinicRefusal(`there is no category "${name}"`);
  }
  return Number(rows[0]['id']);
}

function binaryUuid(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
