import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { deleteDocument } from 'infra/openemr-sim/clinic-documents';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { LIMITS } from 'sync-contract/limits';
import { ResourcesContent, type DocumentContent } from 'sync-contract/section-content';
import { ResourceIds } from '../src/chart/resource-id.js';
import { fetchDocument } from '../src/fetch/fetch-document.js';
import { readWanted } from '../src/fetch/wanted-blobs.js';
import type { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { Transient } from '../src/gateway-client/gateway-failures.js';
import { oweEverything } from '../src/ledger/owe-everything.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { OpenEmrApi } from '../src/openemr/openemr-api.js';
import { confirmPatients } from '../src/restore/freeze-patients.js';
import { until } from './agent-under-test.js';
import { DocumentsUnderTest } from './documents-under-test.js';

const PID = 5005;
const OTHER_PID = 5006;
const CULTURE = { loinc: '630-4', name: 'Bacteria identified in Urine by Culture', value: 'see scan', units: '' };

const blobIdOf = (content: DocumentContent): string => (content.state === 'held' ? content.blobId : '');

describe('a document that staff file', () => {
  let documents: DocumentsUnderTest;
  let patientRef: string;
  let otherRef: string;

  beforeAll(async () => {
    documents = await DocumentsUnderTest.start('fetch');
    patientRef = await documents.under.invite(PID);
    otherRef = await documents.under.invite(OTHER_PID);
    await documents.under.startAgent();
    for (const ref of [patientRef, otherRef]) {
      await until('the chart is pushed', async () => (await documents.list(ref)) !== null);
    }
  });

  afterAll(async () => {
    await documents[Symbol.asyncDispose]();
  });

  it('is in the list within seconds, and its bytes follow, whole', async () => {
    const bytes = randomBytes(3 * LIMITS.blobChunkBytes + 5);
    const { id } = await documents.file(PID, bytes, { name: 'Überweisung 🩺.pdf', category: 'Lab Report' });
    const content = await documents.inState(patientRef, id, 'held');
    expect((await documents.opened(patientRef, content)).equals(bytes)).toBe(true);
    expect(await documents.resource(patientRef, id)).toMatchObject({
      resourceType: 'DocumentReference',
      status: 'current',
      category: [{ text: 'Lab Report' }],
      content: [{ attachment: { contentType: 'application/pdf', title: 'Überweisung 🩺.pdf', size: bytes.length } }],
    });
  });

  it('and is empty is a document', async () => {
    const { id } = await documents.file(PID, Buffer.alloc(0));
    const content = await documents.inState(patientRef, id, 'held');
    expect(await documents.opened(patientRef, content)).toHaveLength(0);
  });

  it('waits for its bytes while OpenEMR does not answer, and holds up neither the list nor the chart', async () => {
    await documents.stopOpenEmr();
    const bytes = randomBytes(1_000);
    const { id } = await documents.file(PID, bytes);
    await documents.inState(patientRef, id, 'waiting');
    await changeDemographics(documents.under.clinic, { pid: PID, street: '9 Waiting Lane' });
    await until('the address is there', async () =>
      JSON.stringify((await documents.under.stored(patientRef, 'profile'))?.sections.get('profile')).includes(
        '9 Waiting Lane',
      ),
    );
    await until('the agent said so', () => documents.under.log.says('documents wait for their bytes'));
    await documents.startOpenEmr();
    await until('the bytes are there', async () => (await documents.content(patientRef, id))?.state === 'held');
  });

  it('and cannot be handed out by OpenEMR holds up no other', async () => {
    const { id } = await documents.file(PID, Buffer.from('x'));
    await documents.inState(patientRef, id, 'held');
    const [name = ''] = await newestFiles(documents, id);
    rmSync(join(documents.folder, name));
    await documents.under.clinic.query("UPDATE documents SET hash = 'another' WHERE id = ?", [id]);
    await documents.inState(patientRef, id, 'waiting');
    const other = await documents.file(PID, randomBytes(10));
    await documents.inState(patientRef, other.id, 'held');
    expect((await documents.content(patientRef, id))?.state).toBe('waiting');
    await deleteDocument(documents.under.clinic, { id });
  });

  it('gets other bytes: another blob under another key is listed, and the old one is deleted', async () => {
    const { id } = await documents.file(PID, Buffer.from('the first version'));
    const before = await documents.inState(patientRef, id, 'held');
    const bytes = Buffer.from('the second version');
    const [name = ''] = await newestFiles(documents, id);
    rmSync(join(documents.folder, name));
    const second = await documents.file(OTHER_PID, bytes);
    await documents.under.clinic.query(
      'UPDATE documents a JOIN documents b ON b.id = ? SET a.url = b.url, a.size = b.size, a.hash = b.hash WHERE a.id = ?',
      [second.id, id],
    );
    await until('another blob', async () => {
      const now = await documents.content(patientRef, id);
      return now?.state === 'held' && now.blobId !== blobIdOf(before);
    });
    const after = await documents.inState(patientRef, id, 'held');
    expect((await documents.opened(patientRef, after)).equals(bytes)).toBe(true);
    await until('the old one is gone', async () => !(await documents.stored(patientRef)).includes(blobIdOf(before)));
  });

  it('and delete leaves the list first and then the DMZ', async () => {
    const { id } = await documents.file(PID, randomBytes(10));
    const content = await documents.inState(patientRef, id, 'held');
    await deleteDocument(documents.under.clinic, { id });
    await until('it left the list', async () => (await documents.content(patientRef, id)) === undefined);
    await until('its bytes are gone', async () => !(await documents.stored(patientRef)).includes(blobIdOf(content)));
  });

  it('for the wrong patient, and move, leaves no bytes with the first when a person has confirmed both', async () => {
    const bytes = randomBytes(10);
    const { id } = await documents.file(PID, bytes);
    const wrong = await documents.inState(patientRef, id, 'held');
    await documents.under.clinic.query('UPDATE documents SET foreign_id = ? WHERE id = ?', [OTHER_PID, id]);
    const { ledger, tables, keys } = documents.under;
    await until('both are frozen', async () => (await ledger.manager.countBy(Patient, { state: 'frozen' })) === 2);
    await confirmPatients(ledger, { tables, resourceIdKey: keys.resourceIdKey }, [PID, OTHER_PID]);
    const right = await documents.inState(otherRef, id, 'held');
    expect(blobIdOf(right)).not.toBe(blobIdOf(wrong));
    expect((await documents.opened(otherRef, right)).equals(bytes)).toBe(true);
    await until('the first list has lost it', async () => (await documents.content(patientRef, id)) === undefined);
    await until('its bytes are gone', async () => !(await documents.stored(patientRef)).includes(blobIdOf(wrong)));
  });

  it('as which a result came is named by the result for as long as the list shows it', async () => {
    const { clinic } = documents.under;
    const { resultId } = await newResult(clinic, { ...CULTURE, pid: PID });
    const ids = new ResourceIds(documents.under.keys.resourceIdKey);
    const named = async (): Promise<unknown> => {
      const sections = (await documents.under.stored(patientRef))?.sections ?? new Map<string, unknown>();
      return [...sections]
        .filter(([name]) => name.startsWith('results/'))
        .flatMap(([, content]) => ResourcesContent.parse(content).resources)
        .find(({ id }) => id === ids.id('procedure_result', resultId))?.['derivedFrom'];
    };
    const { id } = await documents.file(PID, randomBytes(10), { name: 'culture.pdf', category: 'Lab Report' });
    await clinic.query('UPDATE procedure_result SET document_id = ? WHERE procedure_result_id = ?', [id, resultId]);
    const link = [{ reference: `DocumentReference/${documents.documentId(id)}`, type: 'DocumentReference' }];
    const isNamed = (): Promise<void> =>
      until('the result names it', async () => JSON.stringify(await named()) === JSON.stringify(link));
    const isNotNamed = (): Promise<void> => until('nothing names it', async () => (await named()) === undefined);
    await isNamed();

    const [rows] = await clinic.query<RowDataPacket[]>(
      'SELECT category_id AS category FROM categories_to_documents WHERE document_id = ?',
      [id],
    );
    await clinic.query('DELETE FROM categories_to_documents WHERE document_id = ?', [id]);
    await isNotNamed();
    await clinic.query('INSERT INTO categories_to_documents (category_id, document_id) VALUES (?, ?)', [
      rows[0]?.['category'],
      id,
    ]);
    await isNamed();
    await deleteDocument(clinic, { id });
    await isNotNamed();
    expect(await documents.resource(patientRef, id)).toBeUndefined();
  });

  it('under no category, or one of the administrators, is not the patient’s', async () => {
    const hidden = await documents.file(PID, randomBytes(10), { category: 'FHIR Export Document' });
    const unfiled = await documents.file(PID, randomBytes(10));
    await documents.under.clinic.query('DELETE FROM categories_to_documents WHERE document_id = ?', [unfiled.id]);
    const shown = await documents.file(PID, randomBytes(10));
    await documents.inState(patientRef, shown.id, 'held');
    await until('what was unfiled is not listed', async () => {
      const list = await documents.list(patientRef);
      return [hidden, unfiled].every(({ id }) =>
        (list?.contents ?? []).every((each) => each.documentId !== documents.documentId(id)),
      );
    });
  });

  it('that has no uuid yet waits for it', async () => {
    const { id } = await documents.file(PID, randomBytes(10));
    await documents.inState(patientRef, id, 'held');
    await documents.under.clinic.query('UPDATE documents SET uuid = NULL WHERE id = ?', [id]);
    await documents.inState(patientRef, id, 'waiting');
    await documents.under.clinic.query('UPDATE documents SET uuid = UNHEX(SYS_GUID()) WHERE id = ?', [id]);
    await documents.inState(patientRef, id, 'held');
  });

  it.each<[what: string, pretended: number | null]>([
    ['of more than 50 MB is listed without its bytes', LIMITS.documentBytes + 1],
    ['of more than 50 MB that claims to be small is too', null],
  ])('%s', async (_what, pretended) => {
    const { id } = await documents.file(PID, Buffer.from('x'));
    await documents.inState(patientRef, id, 'held');
    const [name = ''] = await newestFiles(documents, id);
    const file = openSync(join(documents.folder, name), 'r+');
    ftruncateSync(file, LIMITS.documentBytes + 1);
    closeSync(file);
    await documents.under.clinic.query('UPDATE documents SET size = ?, hash = ? WHERE id = ?', [
      pretended ?? 7,
      'another',
      id,
    ]);
    expect(await documents.inState(patientRef, id, 'none')).toMatchObject({ reason: 'too-large' });
    const [row] = await documents.under.portal.query<{ largest: string }[]>(
      'SELECT MAX(size) AS largest FROM document_blob',
    );
    expect(Number(row?.largest)).toBeLessThan(LIMITS.documentBytes);
  });

  it('of which OpenEMR has lost the record of its bytes is listed without them', async () => {
    const { id } = await documents.file(PID, Buffer.from('x'));
    await documents.inState(patientRef, id, 'held');
    await documents.under.ledger.query(
      "UPDATE document_blob SET state = 'wanted', uuid = UUID() WHERE document_id = ? AND state = 'held'",
      [id],
    );
    expect(await documents.inState(patientRef, id, 'none')).toMatchObject({ reason: 'missing' });
  });

  it('is sent again, and as it was, to a DMZ that has lost everything', async () => {
    const bytes = randomBytes(200_000);
    const { id } = await documents.file(PID, bytes);
    const before = await documents.inState(patientRef, id, 'held');
    for (const table of ['document_chunk', 'document_blob', 'section', 'chart', 'heartbeat']) {
      await documents.under.portal.query(`DELETE FROM ${table}`);
    }
    await documents.under.ledger.transaction((manager) => oweEverything(manager));
    await until('the bytes are back', async () => (await documents.stored(patientRef)).includes(blobIdOf(before)));
    const after = await documents.inState(patientRef, id, 'held');
    expect(blobIdOf(after)).toBe(blobIdOf(before));
    expect((await documents.opened(patientRef, after)).equals(bytes)).toBe(true);
  });

  it('in great number reaches the DMZ whole, beside other charts’', async () => {
    const sizes = Array.from({ length: 30 }, (_, i) => 1 + i * 4_001);
    const hashes = new Map<number, string>();
    for (const [i, size] of sizes.entries()) {
      const bytes = randomBytes(size);
      const { id } = await documents.file(i % 2 === 0 ? PID : OTHER_PID, bytes);
      hashes.set(id, createHash('sha256').update(bytes).digest('hex'));
    }
    for (const [i, id] of [...hashes.keys()].entries()) {
      const ref = i % 2 === 0 ? patientRef : otherRef;
      const content = await documents.inState(ref, id, 'held');
      const bytes = await documents.opened(ref, content);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(hashes.get(id));
    }
  });

  it('whose push breaks off goes on with the next chunk, under the same key, and only while the content is the same', async () => {
    const { under } = documents;
    // The chart that is the last by its random name.
    const [ref, pid] = patientRef > otherRef ? [patientRef, PID] : [otherRef, OTHER_PID];
    await under.clean();
    await under.stopAgent();
    under.config.openemrApi = undefined;
    await under.startAgent();
    const bytes = randomBytes((2 * LIMITS.blobChunksAtOnce + 3) * LIMITS.blobChunkBytes);
    const { id } = await documents.file(pid, bytes);
    expect(await documents.inState(ref, id, 'none')).toMatchObject({ reason: 'not-offered' });
    await under.stopAgent();

    // Newer documents go first, whatever of which chart has to be sent again.
    await under.ledger.query("UPDATE document_blob SET state = 'wanted' WHERE state = 'held'");
    const [wanted] = await readWanted(under.ledger.manager, 1);
    if (wanted === undefined) {
      throw new Error('nothing is wanted');
    }
    expect(wanted).toMatchObject({ documentId: id, patientRef: ref });
    const api = await OpenEmrApi.open(documents.api);
    const gateway = documents.gateway();
    const firsts: number[] = [];
    let calls = 0;
    const breaking = {
      sendBlobBegin: gateway.sendBlobBegin.bind(gateway),
      sendBlobCommit: gateway.sendBlobCommit.bind(gateway),
      sendBlobChunks: async (body: Parameters<GatewayClient['sendBlobChunks']>[0]) => {
        firsts.push(body.first);
        calls += 1;
        if (calls === 2) {
          throw new Transient('gateway-unavailable', 'broken by the test');
        }
        return gateway.sendBlobChunks(body);
      },
    };
    const reader = documents.reader();
    const fetching = { ledger: under.ledger, reader, keys: under.keys, gateway: breaking };
    await expect(fetchDocument(fetching, api, wanted)).rejects.toThrow('broken by the test');
    const [again] = await readWanted(under.ledger.manager, 1);
    expect(again).toMatchObject({ blobId: wanted.blobId, contentSha256: expect.any(String) });
    if (again !== undefined) {
      await fetchDocument(fetching, api, again);
    }
    expect(firsts).toEqual([0, 64, 64, 128]);
    expect(await documents.stored(ref)).toContain(wanted.blobId);

    // The same row, and OpenEMR suddenly answers other bytes: a key never seals two contents.
    await under.ledger.query("UPDATE document_blob SET state = 'wanted' WHERE document_id = ?", [id]);
    const [name = ''] = await newestFiles(documents, id);
    const file = openSync(join(documents.folder, name), 'r+');
    ftruncateSync(file, 100);
    closeSync(file);
    const [changed] = await readWanted(under.ledger.manager, 1);
    if (changed !== undefined) {
      await fetchDocument(fetching, api, changed);
    }
    const rows = await under.ledger.query<{ state: string; id: string; key: Buffer }[]>(
      'SELECT state, LOWER(HEX(blob_id)) AS id, key_wrapped AS `key` FROM document_blob WHERE document_id = ? ORDER BY state',
      [id],
    );
    const blobs = await documents.stored(ref);
    expect(rows.every((row) => blobs.includes(row.id))).toBe(true);
    expect(rows.map(({ state }) => state)).toEqual(['gone', 'held']);
    const [old, fresh] = rows.map(({ id: blobId, key }) =>
      under.keys.unwrap('content-key', blobId, key).toString('hex'),
    );
    expect(old).not.toBe(fresh);
    await api.close();
    await reader.end();
    await gateway.close();
  });
});

async function newestFiles({ under, folder }: DocumentsUnderTest, id: number): Promise<string[]> {
  const [rows] = await under.clinic.query('SELECT url FROM documents WHERE id = ?', [id]);
  const [row] = z.array(z.object({ url: z.string() })).parse(rows);
  return readdirSync(folder).filter((name) => row?.url.endsWith(name));
}
