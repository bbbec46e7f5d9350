import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import type { DocumentContent, Resource } from 'sync-contract/section-content';
import { codeOf } from './browser-stand-in.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(3 * LIMITS.blobChunkBytes + 77)]);
const HTML = Buffer.from('<!doctype html><script>fetch("/api/session")</script>');
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(500)]);
const TEXT = Buffer.from('Grüße vom Labor\n');
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

function reference(id: string, title: string, contentType: string): Resource {
  return {
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    content: [{ attachment: { title, contentType } }],
  };
}

let portal: PortalUnderTest;
beforeAll(async () => {
  portal = await PortalUnderTest.start('documents');
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

interface Filed {
  title: string;
  contentType: string;
  content: Buffer | 'waiting' | 'too-large';
}

/** A patient whose chart lists these documents. */
async function patientWith(
  files: readonly Filed[],
): Promise<{ patient: PatientWithChart; ids: string[]; contents: DocumentContent[] }> {
  const patient = await portal.patient();
  const ids = files.map(() => newRef());
  const contents: DocumentContent[] = [];
  for (const [index, { content }] of files.entries()) {
    const documentId = ids[index] ?? '';
    contents.push(
      Buffer.isBuffer(content)
        ? await portal.inside.storeDocument(patient.patientRef, documentId, content)
        : content === 'waiting'
          ? { state: 'waiting', documentId }
          : { state: 'none', documentId, reason: content },
    );
  }
  const resources = files.map(({ title, contentType }, index) => reference(ids[index] ?? '', title, contentType));
  await portal.inside.publish(patient.patientRef, { documents: { resources, contents } }, { seq: 2 });
  await portal.inside.beat();
  return { patient, ids, contents };
}

function get({ browser, patientRef }: PatientWithChart, id: string, query = ''): ReturnType<typeof browser.get> {
  return browser
    .get(`/api/charts/${patientRef}/documents/${id}${query}`)
    .buffer(true)
    .parse((stream, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        done(null, Buffer.concat(parts));
      });
    });
}

async function statusOf(patient: PatientWithChart, id: string): Promise<string> {
  const response = await patient.browser.get(`/api/charts/${patient.patientRef}/documents/${id}`);
  return `${String(response.status)} ${String(codeOf(response))}`;
}

async function audited(patientRef: string): Promise<string[]> {
  const rows = await portal.inside.sql(
    `SELECT JSON_VALUE(body, '$.action') AS action, JSON_VALUE(body, '$.object') AS object FROM {db}.audit_entry
      WHERE JSON_VALUE(body, '$.onBehalfOf') = ? AND JSON_VALUE(body, '$.action') LIKE 'document-%' ORDER BY n`,
    [patientRef],
  );
  return rows.map((row) => `${String(row['action'])} ${String(row['object'])}`);
}

describe('a document', () => {
  test('reaches its patient byte for byte, with headers under which nothing in it can run, and is audited', async () => {
    const { patient, ids } = await patientWith([{ title: 'Letter.pdf', contentType: 'application/pdf', content: PDF }]);
    const [id = ''] = ids;
    const response = await get(patient, id);
    expect(response.status).toBe(200);
    expect((response.body as Buffer).equals(PDF)).toBe(true);
    expect(response.headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': String(PDF.length),
      'content-disposition': 'inline; filename="Letter.pdf"',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'content-security-policy': expect.stringMatching(/^default-src 'none';/),
    });
    const saved = await get(patient, id, '?download=1');
    expect(saved.headers['content-disposition']).toBe('attachment; filename="Letter.pdf"');
    expect(await audited(patient.patientRef)).toEqual([`document-view ${id}`, `document-download ${id}`]);
  });

  test.each<[what: string, file: Filed, type: string, disposition: string]>([
    ['an image', { title: 'x.png', contentType: 'image/png', content: PNG }, 'image/png', 'inline'],
    ['text', { title: 'x.txt', contentType: 'text/plain', content: TEXT }, 'text/plain; charset=utf-8', 'inline'],
    ['HTML', { title: 'x.html', contentType: 'text/html', content: HTML }, 'application/octet-stream', 'attachment'],
    [
      'HTML that is said to be a PDF',
      { title: 'x.pdf', contentType: 'application/pdf', content: HTML },
      'application/octet-stream',
      'attachment',
    ],
    [
      'nothing',
      { title: 'x', contentType: 'application/pdf', content: Buffer.alloc(0) },
      'application/octet-stream',
      'attachment',
    ],
  ])('is shown or saved by what its bytes are: %s', async (_what, file, type, disposition) => {
    const { patient, ids } = await patientWith([file]);
    const response = await get(patient, ids[0] ?? '');
    expect(response.status).toBe(200);
    expect((response.body as Buffer).equals(file.content as Buffer)).toBe(true);
    expect(response.headers['content-type']).toBe(type);
    expect(response.headers['content-disposition']).toMatch(new RegExp(`^${disposition};`));
    expect(response.headers['content-security-policy']).toContain('sandbox');
  });

  test('of a hostile name is saved under a harmless one, and the name splits no header', async () => {
    const title = '../evil\r\nset-cookie: a=b\u202Egpj.exe';
    const { patient, ids } = await patientWith([{ title, contentType: 'image/png', content: PNG }]);
    const response = await get(patient, ids[0] ?? '');
    expect(response.headers['content-disposition']).toBe('inline; filename="_evilset-cookie_ a=bgpj.exe"');
    expect(response.headers['set-cookie']).toBeUndefined();
  });

  test('without bytes says why, and what is not listed is not found', async () => {
    const { patient, ids } = await patientWith([
      { title: 'a', contentType: 'application/pdf', content: 'waiting' },
      { title: 'b', contentType: 'application/pdf', content: 'too-large' },
    ]);
    expect(await Promise.all(ids.map((id) => statusOf(patient, id)))).toEqual([
      '503 document-not-ready',
      '404 document-not-offered',
    ]);
    for (const id of [newRef(), 'nonsense', '%00', 'a'.repeat(33)]) {
      expect(await statusOf(patient, id)).toBe('404 not-found');
    }
    expect(await statusOf(await portal.patient(), ids[0] ?? '')).toBe('404 not-found');
    expect(await audited(patient.patientRef)).toEqual([]);
  });

  test("of somebody else is not found, also under one's own chart", async () => {
    const { patient, ids } = await patientWith([{ title: 'a', contentType: 'text/plain', content: TEXT }]);
    const other = await patientWith([{ title: 'b', contentType: 'text/plain', content: TEXT }]);
    expect(await statusOf({ ...other.patient, patientRef: patient.patientRef }, ids[0] ?? '')).toBe('404 not-found');
    expect(await statusOf(other.patient, ids[0] ?? '')).toBe('404 not-found');
  });

  test('that has not come whole is on its way', async () => {
    const { patient, ids } = await patientWith([{ title: 'a', contentType: 'text/plain', content: TEXT }]);
    await portal.inside.sql('UPDATE {db}.document_blob SET completed_at = NULL WHERE patient_ref = ?', [
      bytes(patient.patientRef),
    ]);
    expect(await statusOf(patient, ids[0] ?? '')).toBe('503 document-not-ready');
    await portal.inside.sql('DELETE FROM {db}.document_blob WHERE patient_ref = ?', [bytes(patient.patientRef)]);
    expect(await statusOf(patient, ids[0] ?? '')).toBe('503 document-not-ready');
  });

  test('of 50 MB reaches its patient whole', async () => {
    const content = randomBytes(LIMITS.documentBytes);
    const { patient, ids } = await patientWith([{ title: 'a.bin', contentType: 'application/dicom', content }]);
    const response = await get(patient, ids[0] ?? '');
    expect([response.status, (response.body as Buffer).equals(content)]).toEqual([200, true]);
  }, 60_000);

  test('is read as it is sent and never held whole: what goes while nobody takes it is not sent', async () => {
    const content = randomBytes(LIMITS.documentBytes);
    const { patient, ids, contents } = await patientWith([
      { title: 'a.bin', contentType: 'application/dicom', content },
    ]);
    const [held] = contents;
    const blobId = bytes(held?.state === 'held' ? held.blobId : '');
    const taking = patient.browser
      .get(`/api/charts/${patient.patientRef}/documents/${ids[0] ?? ''}`)
      .buffer(true)
      .parse((stream, done) => {
        const body: unknown = stream;
        if (!(body instanceof Readable)) {
          throw new Error('the answer is no stream');
        }
        body.once('data', () => {
          body.pause();
          // A portal that read ahead would have all of it by then.
          void sleep(2_000)
            .then(() => portal.inside.sql('DELETE FROM {db}.document_chunk WHERE blob_id = ? AND n > 400', [blobId]))
            .then(() => body.resume());
        });
        stream.on('end', () => {
          done(null, null);
        });
      });
    await expect(taking).rejects.toThrow(/aborted|socket hang up|terminated/i);
  }, 60_000);
});

describe('stored bytes that are not those of the entry are never served as a document:', () => {
  let patient: PatientWithChart;
  let id: string;
  let blob: Buffer;
  let other: Buffer;
  beforeEach(async () => {
    const {
      patient: owner,
      ids,
      contents,
    } = await patientWith([
      { title: 'a.pdf', contentType: 'application/pdf', content: PDF },
      { title: 'b.pdf', contentType: 'application/pdf', content: PDF },
    ]);
    patient = owner;
    id = ids[0] ?? '';
    const refs = contents.map((content) => bytes(content.state === 'held' ? content.blobId : ''));
    [blob = Buffer.alloc(0), other = Buffer.alloc(0)] = refs;
  });

  /** Of what only the bytes themselves tell, and no row of the replica. */
  const noted = (): string[] => [`document-broken ${blob.toString('hex')}`];

  test.each<[what: string, statement: string, leaves: () => string[]]>([
    ['another hash', "UPDATE {db}.document_blob SET sha256 = UNHEX(REPEAT('00', 32)) WHERE blob_id = ?", () => []],
    ['another size', 'UPDATE {db}.document_blob SET size = size + 1024 WHERE blob_id = ?', () => []],
    ['other chunks', 'UPDATE {db}.document_blob SET chunks = chunks + 1 WHERE blob_id = ?', () => []],
    [
      'another chart',
      "UPDATE {db}.document_blob SET patient_ref = UNHEX(REPEAT('00', 16)) WHERE blob_id = ?",
      () => [],
    ],
    ['no first chunk', 'DELETE FROM {db}.document_chunk WHERE n = 0 AND blob_id = ?', noted],
    [
      'a changed first chunk',
      'UPDATE {db}.document_chunk SET sealed = CONCAT(SUBSTR(sealed, 1, 9), CHAR(ORD(SUBSTR(sealed, 10, 1)) ^ 1), SUBSTR(sealed, 11)) WHERE n = 0 AND blob_id = ?',
      noted,
    ],
  ])('%s is said before the first byte', async (_what, statement, leaves) => {
    await portal.inside.sql(statement, [blob]);
    expect(await statusOf(patient, id)).toBe('503 replica-unverified');
    expect(await audited(patient.patientRef)).toEqual(leaves());
  });

  test.each<[what: string, statement: string, params: () => Buffer[]]>([
    ['a missing end', 'DELETE FROM {db}.document_chunk WHERE n = 3 AND blob_id = ?', () => [blob]],
    [
      "another document's chunk",
      `UPDATE {db}.document_chunk a JOIN {db}.document_chunk b ON b.n = a.n AND b.blob_id = ?
          SET a.sealed = b.sealed WHERE a.n = 2 AND a.blob_id = ?`,
      () => [other, blob],
    ],
    [
      'two chunks swapped',
      `UPDATE {db}.document_chunk a JOIN {db}.document_chunk b ON b.n = 5 - a.n AND b.blob_id = a.blob_id
          SET a.sealed = b.sealed WHERE a.n IN (2, 3) AND a.blob_id = ?`,
      () => [blob],
    ],
  ])('%s breaks the connection before it', async (_what, statement, params) => {
    await portal.inside.sql(statement, params());
    await expect(get(patient, id)).rejects.toThrow(/aborted|socket hang up|terminated/i);
    while ((await audited(patient.patientRef)).length < 2) {
      await sleep(20);
    }
    expect(await audited(patient.patientRef)).toEqual([`document-view ${id}`, ...noted()]);
  });
});
