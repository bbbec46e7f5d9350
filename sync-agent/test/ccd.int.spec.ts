import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import type { Pool } from 'mysql2/promise';
import { z } from 'zod';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { moveRow } from 'infra/openemr-sim/clinic-moves';
import { DocumentsContent, type DocumentContent, type Resource } from 'sync-contract/section-content';
import { ccdId } from '../src/chart/render-ccd.js';
import { ResourceIds } from '../src/chart/resource-id.js';
import { deliverCcdRequest } from '../src/deliver/deliver-ccd-request.js';
import type { Effect } from '../src/deliver/delivery.js';
import { PermanentDeliveryFailure, TransientDeliveryFailure } from '../src/deliver/delivery-failure.js';
import { revokePatient } from '../src/enrol/revoke-patient.js';
import { readWanted } from '../src/fetch/wanted-blobs.js';
import { CcdRequest } from '../src/ledger/ccd-request.entity.js';
import { DocumentBlob } from '../src/ledger/document-blob.entity.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { decide, lift } from '../src/release/decide.js';
import { readChartToRender } from '../src/replicate/chart-row.js';
import { renderClasses } from '../src/replicate/render-classes.js';
import { ReplicateService } from '../src/replicate/replicate.service.js';
import { confirmPatients } from '../src/restore/freeze-patients.js';
import { until } from './agent-under-test.js';
import { DocumentsUnderTest } from './documents-under-test.js';

const [PID, OTHER_PID] = [5005, 5006];

let documents: DocumentsUnderTest;
let agent: INestApplicationContext;
let patientRef: string;
let otherRef: string;

beforeAll(async () => {
  documents = await DocumentsUnderTest.start('ccd', true);
  documents.under.config.openemrApi = { ...documents.api, ccd: false };
  patientRef = await documents.under.invite(PID);
  otherRef = await documents.under.invite(OTHER_PID);
  agent = await documents.under.startAgent();
  for (const ref of [patientRef, otherRef]) {
    await until('the chart is pushed', async () => (await documents.list(ref)) !== null);
  }
});

afterAll(async () => {
  await documents[Symbol.asyncDispose]();
});

/** @returns id of the document that the request asks for */
async function ask(
  ref = patientRef,
  range: { from: string | null; to: string | null } = { from: null, to: null },
): Promise<string> {
  const submissionId = randomUUID();
  await deliver(ref, submissionId, range, true);
  const fingerprint = createHash('sha256')
    .update(Buffer.from(submissionId.replaceAll('-', ''), 'hex'))
    .digest('hex');
  return ccdId(new ResourceIds(documents.under.keys.resourceIdKey), { fingerprint });
}

/** As the delivery of the submission does it; the agent's sweep finds the chart dirty. */
function deliver(ref: string, submissionId: string, range: object, isOffered: boolean): Promise<Effect> {
  const payload = { ...range, requestedAt: new Date().toISOString() };
  return documents.under.ledger.transaction((manager) =>
    deliverCcdRequest(manager, { patientRef: ref, submissionId }, payload, isOffered),
  );
}

async function contentOf(ref: string, documentId: string): Promise<DocumentContent | undefined> {
  return (await documents.list(ref))?.contents.find((each) => each.documentId === documentId);
}

async function inState<S extends DocumentContent['state']>(
  ref: string,
  documentId: string,
  state: S,
): Promise<Extract<DocumentContent, { state: S }>> {
  let found: DocumentContent | undefined;
  await until(`the list says ${state}`, async () => {
    found = await contentOf(ref, documentId);
    return found?.state === state;
  });
  return found as Extract<DocumentContent, { state: S }>;
}

const text = async (ref: string, content: DocumentContent): Promise<string> =>
  (await documents.opened(ref, content)).toString('utf8');

async function nameOf(pid: number): Promise<string> {
  const [rows] = await documents.under.clinic.query(
    "SELECT CONCAT(fname, ' ', lname) AS name FROM patient_data WHERE pid = ?",
    [pid],
  );
  return z.tuple([z.object({ name: z.string() })]).parse(rows)[0].name;
}

/** C-CDAs that OpenEMR has made so far. */
async function made(): Promise<number> {
  const [rows] = await documents.under.clinic.query(
    "SELECT COUNT(*) AS n FROM documents WHERE foreign_reference_table = 'ccda'",
  );
  return z.tuple([z.object({ n: z.coerce.number() })]).parse(rows)[0].n;
}

const references = async (ref: string): Promise<Resource[]> =>
  ((await documents.list(ref))?.resources ?? []).filter((each) => JSON.stringify(each).includes('ccda-structuredBody'));

describe("OpenEMR's own C-CDA", () => {
  it('is neither offered nor made where the practice has not switched it on', async () => {
    expect(await documents.list(patientRef)).not.toHaveProperty('ccd');
    expect(await deliver(patientRef, randomUUID(), { from: null, to: null }, false)).toMatchObject({
      state: 'REFUSED',
      reason: 'ccd-not-offered',
    });
    expect(await documents.under.count('ccd_request')).toBe(0);
  });

  it('is offered in every list once it is switched on', async () => {
    await documents.under.clean();
    await documents.under.stopAgent();
    documents.under.config.openemrApi = documents.api;
    agent = await documents.under.startAgent();
    for (const ref of [patientRef, otherRef]) {
      await until('the list offers it', async () => (await documents.list(ref))?.ccd === 'offered');
    }
    expect(await references(patientRef)).toEqual([]);
  });

  it('is made once for the patient who asks, waits in the list, and opens with the key of the list', async () => {
    await documents.stopOpenEmr();
    const id = await ask();
    await inState(patientRef, id, 'waiting');
    await documents.startOpenEmr();
    const content = await inState(patientRef, id, 'held');
    const ccda = await text(patientRef, content);
    expect(ccda).toContain(`<name>${await nameOf(PID)}</name>`);
    expect(ccda).not.toContain(await nameOf(OTHER_PID));
    expect(await made()).toBe(1);
    expect((await documents.list(patientRef))?.resources[0]).toMatchObject({ id, resourceType: 'DocumentReference' });
    expect((await documents.list(otherRef))?.contents).toEqual([]);
    await documents.under.clean();
    expect(await agent.get(ReplicateService).compareContent(patientRef)).toMatchObject({ differing: 0 });
  });

  it('spans the days that were asked for, and replaces the one before, whose bytes leave the DMZ', async () => {
    const [before] = await documents.stored(patientRef);
    const id = await ask(patientRef, { from: '2025-01-01', to: '2025-12-31' });
    const content = await inState(patientRef, id, 'held');
    expect(await text(patientRef, content)).toContain('<low value="20250101"/><high value="20251231"/>');
    expect(await references(patientRef)).toMatchObject([
      { id, context: { period: { start: '2025-01-01', end: '2025-12-31' } } },
    ]);
    await until('the first is gone', async () => !(await documents.stored(patientRef)).includes(before ?? ''));
    expect(await documents.stored(patientRef)).toEqual([content.blobId]);
  });

  it('that comes while a render has its snapshot is named by the next render only', async () => {
    const { under } = documents;
    const { database, reader } = under.config;
    await under.clean();
    await under.stopAgent();
    const pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const becomes = (state: string): Promise<unknown> =>
      under.ledger.query('UPDATE document_blob SET state = ? WHERE document_id = 0 AND patient_ref = UNHEX(?)', [
        state,
        patientRef,
      ]);
    const heldMeanwhile = new Proxy(pool, {
      get: (target, name): unknown =>
        name === 'getConnection' ? () => becomes('held').then(() => target.getConnection()) : Reflect.get(target, name),
    });
    const listed = async (from: Pool): Promise<unknown> => {
      const chart = await readChartToRender(under.ledger.manager, patientRef);
      if (chart === null) {
        throw new Error('the chart is replicated');
      }
      const source = { ledger: under.ledger, keys: under.keys, offersDocuments: true, offersCcd: true };
      const { sections } = await renderClasses({ ...source, reader: from }, chart, ['documents']);
      return DocumentsContent.parse(sections[0]?.content).contents[0]?.state;
    };
    await becomes('wanted');
    expect(await listed(heldMeanwhile)).toBe('waiting');
    expect(await listed(pool)).toBe('held');
    await pool.end();
    agent = await under.startAgent();
  });

  it('that staff made and filed is not in the list', async () => {
    const own = await documents.file(PID, Buffer.from('<x/>'), {
      category: 'CCDA',
      reference: { table: 'ccda', id: 999 },
    });
    const letter = await documents.file(PID, randomBytes(10));
    await documents.inState(patientRef, letter.id, 'held');
    expect(await documents.content(patientRef, own.id)).toBeUndefined();
  });

  it('waits where OpenEMR grants no scope for it, and holds up no document', async () => {
    const scopes = (scope: string): Promise<unknown> =>
      documents.under.clinic.query('UPDATE oauth_clients SET scope = ?', [scope]);
    await scopes('system/Binary.read');
    await documents.stopOpenEmr();
    await documents.startOpenEmr();
    await documents.under.stopAgent();
    agent = await documents.under.startAgent();
    const id = await ask();
    await inState(patientRef, id, 'waiting');
    await until('the agent said so', () => documents.under.log.says('openemr-scope-missing'));
    const letter = await documents.file(PID, randomBytes(10));
    await documents.inState(patientRef, letter.id, 'held');
    expect((await contentOf(patientRef, id))?.state).toBe('waiting');
    await scopes('system/Binary.read system/DocumentReference.$docref');
    await inState(patientRef, id, 'held');
  });

  it('waits for the name that OpenEMR gives the patient in its API', async () => {
    const uuid = (value: string): Promise<unknown> =>
      documents.under.clinic.query(`UPDATE patient_data SET uuid = ${value} WHERE pid = ?`, [OTHER_PID]);
    await uuid('NULL');
    const id = await ask(otherRef);
    await until('the agent said so', () => documents.under.log.says('openemr-patient-unnamed'));
    expect((await contentOf(otherRef, id))?.state).toBe('waiting');
    await uuid('UNHEX(SYS_GUID())');
    expect(await text(otherRef, await inState(otherRef, id, 'held'))).toContain(await nameOf(OTHER_PID));
  });

  it('is made before documents are fetched, one at a time, and last when it failed', async () => {
    const { ledger } = documents.under;
    await documents.under.clean();
    await documents.under.stopAgent();
    // One that is still to be made, and one that OpenEMR has made and that is not here yet.
    await ledger.query(
      "UPDATE document_blob SET state = 'wanted', uuid = IF(document_id = 0 AND patient_ref = UNHEX(?), NULL, uuid)",
      [otherRef],
    );
    const wanted = async (failed: string): Promise<[patientRef: string | undefined, ccds: number, others: number]> => {
      await ledger.query('UPDATE document_blob SET failures = patient_ref = UNHEX(?) WHERE document_id = 0', [failed]);
      const [first, ...rest] = await readWanted(ledger.manager, 50);
      const ccds = [first, ...rest].filter((each) => each?.documentId === 0);
      return [first?.patientRef, ccds.length, rest.length];
    };
    const others = await documents.under.count('document_blob WHERE document_id <> 0');
    expect(others).toBeGreaterThan(0);
    expect(await wanted(patientRef)).toEqual([otherRef, 1, others]);
    expect(await wanted(otherRef)).toEqual([patientRef, 1, others]);
    agent = await documents.under.startAgent();
    await until(
      'all are held again',
      async () => (await documents.under.count("document_blob WHERE state = 'wanted'")) === 0,
    );
    await documents.under.clean();
  });

  it('goes, with its bytes, when a decision about release concerns the chart, and is made when asked for anew', async () => {
    const { ledger } = documents.under;
    const documentId = (await references(patientRef))[0]?.id ?? '';
    const before = await inState(patientRef, documentId, 'held');
    const decision = await decide(ledger, {
      ...{ kind: 'hold', pid: PID, resourceId: randomBytes(16).toString('hex'), recordClass: 'problems' },
      ...{ codeSystem: null, code: null, sensitivity: null, hours: null },
      ...{ reason: '171.202(b)', author: 'admin' },
    });
    await until('it is held back', async () => (await documents.list(patientRef))?.ccd === 'held-back');
    expect(await references(patientRef)).toEqual([]);
    await until('its bytes are gone', async () => !(await documents.stored(patientRef)).includes(before.blobId));
    expect((await documents.list(otherRef))?.ccd).toBe('offered');
    expect(await deliver(patientRef, randomUUID(), { from: null, to: null }, true)).toMatchObject({
      state: 'REFUSED',
      reason: 'ccd-held-back',
    });
    await documents.under.clean();
    expect(await documents.under.count('ccd_request WHERE patient_ref = UNHEX(?)', [patientRef])).toBe(0);
    await lift(ledger, decision, 'admin');
    await until('it is offered again', async () => (await documents.list(patientRef))?.ccd === 'offered');
    expect(await references(patientRef)).toEqual([]);
    expect((await inState(patientRef, await ask(), 'held')).blobId).not.toBe(before.blobId);
  });

  it('is made once, whatever becomes of its bytes on the way', async () => {
    const id = await ask();
    await inState(patientRef, id, 'held');
    const count = await made();
    await documents.under.stopAgent();
    await documents.under.ledger.query(
      "UPDATE document_blob SET state = 'wanted' WHERE document_id = 0 AND patient_ref = UNHEX(?)",
      [patientRef],
    );
    agent = await documents.under.startAgent();
    await inState(patientRef, id, 'held');
    await documents.under.clean();
    expect(await made()).toBe(count);
  });

  it('goes when the feed has lost its place, and with it what it knew of rows that moved', async () => {
    const id = await ask();
    await inState(patientRef, id, 'held');
    await documents.under.stopAgent();
    await documents.under.ledger.query('UPDATE feed_position SET file_no = 999999, gtid = NULL');
    agent = await documents.under.startAgent();
    await until('it is not listed', async () => (await references(patientRef)).length === 0);
    expect((await documents.list(patientRef))?.ccd).toBe('offered');
    await inState(patientRef, await ask(), 'held');
    await inState(otherRef, await ask(otherRef), 'held');
  });

  it('leaves the DMZ with the list when rows moved away, and is in neither list when a person has confirmed both', async () => {
    const { clinic, ledger, tables, keys } = documents.under;
    const { orderId } = await newResult(clinic, {
      pid: PID,
      value: '5.5',
      loinc: '2339-0',
      name: 'Glucose',
      units: 'mg/dL',
    });
    await documents.under.clean();
    expect([await references(patientRef), await references(otherRef)].map(({ length }) => length)).toEqual([1, 1]);
    await moveRow(clinic, { table: 'procedure_order', id: orderId, to: OTHER_PID });
    await until('both are frozen', async () => (await ledger.manager.countBy(Patient, { state: 'frozen' })) === 2);
    await until('the list is gone', async () => (await documents.list(patientRef)) === null);
    expect(await documents.under.count('ccd_request')).toBe(0);
    await expect(ask()).rejects.toBeInstanceOf(TransientDeliveryFailure);
    await confirmPatients(ledger, { tables, resourceIdKey: keys.resourceIdKey }, [PID, OTHER_PID]);
    await until('the list is back', async () => (await documents.list(patientRef))?.ccd === 'offered');
    for (const ref of [patientRef, otherRef]) {
      await until('it is in no list', async () => (await references(ref)).length === 0);
      await until(
        'its bytes are gone',
        async () => (await ledger.manager.countBy(DocumentBlob, { patientRef: ref, documentId: 0 })) === 0,
      );
    }
    expect(await documents.stored(otherRef)).toEqual([]);
  });

  it('ends with the access', async () => {
    const { ledger } = documents.under;
    await inState(otherRef, await ask(otherRef), 'held');
    await documents.under.clean();
    await documents.under.stopAgent();
    await ledger.transaction((manager) =>
      revokePatient(manager, { pid: OTHER_PID, patientRef: otherRef }, { cause: 'staff', decidedBy: 'staff' }),
    );
    expect(await ledger.manager.countBy(CcdRequest, { patientRef: otherRef })).toBe(0);
    await expect(ask(otherRef)).rejects.toBeInstanceOf(PermanentDeliveryFailure);
  });
});
