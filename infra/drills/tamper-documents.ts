import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PortalClient } from '../demo/portal-client.js';
import { documentsDir } from '../demo/simulator.js';
import type { System } from '../demo/system.js';
import { addDocument } from '../openemr-sim/clinic-documents.js';
import { sampleDocument } from '../openemr-sim/sample-documents.js';
import { DEFAULT_DATABASES } from '../services/services.js';

const { ledger: LEDGER } = DEFAULT_DATABASES;

const Listed = z.object({ contents: z.array(z.object({ documentId: z.string(), state: z.literal('held') })) });
const Problem = z.object({ code: z.string() });

/** Beside the samples, which have one chunk each: one document of several, so that chunks can change places. */
export async function fileLongDocument(system: System, pid: number): Promise<void> {
  const openemr = await system.openemr();
  try {
    const document = sampleDocument('text', `A line of the long report of ${String(pid)}. `.repeat(5_000));
    await addDocument(openemr, documentsDir(system.services.inside), { ...document, pid });
  } finally {
    await openemr.end();
  }
}

/**
 * What the documents of a chart are, by their ids: SHA-256 of what its patient reads, while nothing is changed.
 * @throws when that is not what the inside fetched from OpenEMR
 */
export async function trueDocuments(
  system: System,
  client: PortalClient,
  patientRef: string,
): Promise<Map<string, string>> {
  const { body } = await client.section(patientRef, 'documents');
  const documents = new Map<string, string>();
  for (const { documentId } of Listed.parse(body).contents) {
    const { served, said } = await readDocument(client, patientRef, documentId);
    if (served === null) {
      throw new Error(`before anything was changed a document was answered with ${said}`);
    }
    documents.set(documentId, served);
  }
  const rows = await system.services.inside.adminSql(
    'SELECT LOWER(HEX(content_sha256)) AS hash FROM ??.document_blob WHERE patient_ref = UNHEX(?)',
    [LEDGER, patientRef],
  );
  const fetched = rows.map((row) => String(row['hash'])).sort();
  if (fetched.length === 0 || fetched.join() !== [...documents.values()].sort().join()) {
    throw new Error('before anything was changed patients read other documents than the inside fetched');
  }
  return documents;
}

/** @returns hash of what was served whole; else what was said, or that the connection broke */
export async function readDocument(
  client: PortalClient,
  patientRef: string,
  documentId: string,
): Promise<{ served: string | null; said: string }> {
  try {
    const { status, bytes } = await client.document(patientRef, documentId);
    if (status === 200) {
      return { served: createHash('sha256').update(bytes).digest('hex'), said: '200' };
    }
    const { code } = Problem.parse(JSON.parse(bytes.toString('utf8')));
    return { served: null, said: `${String(status)} ${code}` };
  } catch (error: unknown) {
    if (error instanceof Error && 'code' in error && BROKEN.includes(String(error.code))) {
      return { served: null, said: 'broken off' };
    }
    throw error;
  }
}

/** As undici names a connection that ends before the promised length. */
const BROKEN = ['UND_ERR_SOCKET', 'ECONNRESET'];
