import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow } from './insert-rows.js';

export interface NewDocument {
  pid: number;
  name: string;
  mimetype: string;
  bytes: Buffer;
}

/**
 * Staff file a document in a patient's chart: the row, and the bytes beside it in `documentsDir`. Unlike OpenEMR the
 * simulator keeps them unencrypted.
 */
export async function addDocument(
  connection: Connection,
  documentsDir: string,
  { pid, name, mimetype, bytes }: NewDocument,
): Promise<{ uuid: string } & Commit> {
  const { now } = await openScreen(connection);
  const [uuid, driveUuid] = [randomUUID(), randomUUID()];
  writeFileSync(join(documentsDir, driveUuid), bytes, { mode: 0o600, flag: 'wx' });
  const [rows] = await connection.query<RowDataPacket[]>('SELECT COALESCE(MAX(id), 0) + 1 AS id FROM documents');
  const [, commit] = await commitBetween(connection, () =>
    insertRow(connection, 'documents', {
      id: Number(rows[0]?.['id']),
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
    }),
  );
  return { uuid, ...commit };
}

function binaryUuid(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
