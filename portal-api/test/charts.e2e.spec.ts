import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { brotliDecompressSync } from 'node:zlib';
import { newRef } from 'sync-contract/identifiers';
import { issueGrant, type GrantTerms } from 'sync-contract/grant';
import { signManifest } from 'sync-contract/manifest';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { newSigningPair, signingKey } from 'sync-contract/signed';
import { ThreadOwner } from '../src/submissions/thread-owner.js';
import { ChartAccess } from '../src/sessions/session.js';
import { SessionGrants } from '../src/sessions/session-grants.js';
import { codeOf } from './browser-stand-in.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

const MEDICATIONS = { resources: [{ resourceType: 'MedicationRequest', id: 'a1', note: 'Metformin 500 mg' }] };
const RESULTS = { resources: [{ resourceType: 'Observation', id: 'b2', note: 'HbA1c 6.1 %' }] };
const SECTIONS = { medications: MEDICATIONS, 'results/2026': RESULTS };

let portal: PortalUnderTest;
beforeAll(async () => {
  portal = await PortalUnderTest.start('charts');
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

async function lookAt(patient: PatientWithChart, section = 'medications'): Promise<string> {
  const response = await patient.browser.get(`/api/charts/${patient.patientRef}/sections/${section}`);
  return response.status === 200 ? '200' : `${String(response.status)} ${String(codeOf(response))}`;
}

describe('a section', () => {
  let patient: PatientWithChart;
  beforeAll(async () => {
    patient = await portal.patient(SECTIONS);
  });

  test('reaches its patient as the inside compressed it', async () => {
    const response = await patient.browser
      .get(`/api/charts/${patient.patientRef}/sections/medications`)
      .set('accept-encoding', 'gzip, br')
      .buffer(true)
      .parse((stream, done) => {
        const parts: Buffer[] = [];
        stream.on('data', (part: Buffer) => parts.push(part));
        stream.on('end', () => {
          done(null, Buffer.concat(parts));
        });
      });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      'content-encoding': 'br',
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      etag: '"1.1"',
      vary: 'accept-encoding',
    });
    expect(Date.parse(response.headers['x-as-of'] ?? '')).toBeGreaterThan(Date.now() - 60_000);
    const body = response.body as Buffer;
    const text = body[0] === 0x7b ? body.toString() : brotliDecompressSync(body).toString();
    expect(JSON.parse(text)).toEqual(MEDICATIONS);
  });

  test('is unpacked for who does not take brotli, also when its name has a part', async () => {
    const response = await patient.browser
      .get(`/api/charts/${patient.patientRef}/sections/results/2026`)
      .set('accept-encoding', 'identity');
    expect(response.headers['content-encoding']).toBeUndefined();
    expect(response.body).toEqual(RESULTS);
    await patient.browser
      .get(`/api/charts/${patient.patientRef}/sections/results/2026`)
      .set('if-none-match', '"1.1"')
      .expect(304);
  });

  test.each(['allergies', 'results/1999', 'nonsense', 'medications/../results', 'MEDICATIONS', 'results/2026%00'])(
    'that is not there is not found: %s',
    async (name) => {
      const response = await patient.browser.get(`/api/charts/${patient.patientRef}/sections/${name}`);
      expect(response.status).toBe(404);
    },
  );

  test('of somebody else answers like one of nobody', async () => {
    const other = await portal.patient(SECTIONS);
    const answers = await Promise.all(
      [other.patientRef, newRef(), 'f'.repeat(31), 'not-a-ref'].flatMap((ref) =>
        ['status', 'sections/medications', 'sections/results/2026', 'own-copies', 'receipts'].map((path) =>
          patient.browser.get(`/api/charts/${ref}/${path}`),
        ),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body])))).toEqual(
      new Set([
        JSON.stringify([
          404,
          { type: 'urn:oe-portal:problem:not-found', title: 'Not found.', status: 404, code: 'not-found' },
        ]),
      ]),
    );
  });

  test('written newer than the heartbeat is shown at once', async () => {
    await portal.inside.publish(patient.patientRef, { medications: { resources: [] } }, { seq: 2 });
    const response = await patient.browser.get(`/api/charts/${patient.patientRef}/sections/medications`);
    expect([response.status, response.headers['etag'], response.body]).toEqual([200, '"1.2"', { resources: [] }]);
  });
});

describe('what the database says of a chart is shown only when the inside signed it:', () => {
  let patient: PatientWithChart;
  beforeEach(async () => {
    patient = await portal.patient(SECTIONS);
  });
  const ref = (): Buffer => hex(patient.patientRef);

  test.each<[string, () => Promise<unknown>]>([
    [
      'a flipped bit in a section',
      () =>
        portal.inside.sql(
          `UPDATE {db}.section SET sealed = CONCAT(SUBSTR(sealed, 1, 40), CHAR(ORD(SUBSTR(sealed, 41, 1)) ^ 1), SUBSTR(sealed, 42))
           WHERE patient_ref = ?`,
          [ref()],
        ),
    ],
    [
      'sections swapped',
      () =>
        portal.inside.sql(
          `UPDATE {db}.section a JOIN {db}.section b ON a.patient_ref = b.patient_ref AND a.section_id <> b.section_id
           SET a.sealed = b.sealed WHERE a.patient_ref = ?`,
          [ref()],
        ),
    ],
    ['a section taken away', () => portal.inside.sql('DELETE FROM {db}.section WHERE patient_ref = ?', [ref()])],
    [
      'a manifest of another chart',
      async () => {
        const other = newRef();
        const { manifest } = await portal.inside.publish(other, SECTIONS, { seq: 5 });
        await portal.inside.storeManifest(patient.patientRef, 5, manifest);
      },
    ],
    [
      'a manifest of a stranger',
      () =>
        portal.inside.storeManifest(
          patient.patientRef,
          9,
          signManifest(
            {
              v: PROTOCOL_VERSION,
              site: portal.config.siteId,
              patientRef: patient.patientRef,
              era: 1,
              seq: 9,
              asOf: new Date().toISOString(),
              sections: [],
            },
            signingKey(newSigningPair().privateKey),
          ),
        ),
    ],
    [
      'a manifest of another site',
      () =>
        portal.inside.storeManifest(
          patient.patientRef,
          9,
          signManifest(
            {
              v: PROTOCOL_VERSION,
              site: 'b1f2ff1e-6f5c-4c83-9d53-9a5f7a9d9a11',
              patientRef: patient.patientRef,
              era: 1,
              seq: 9,
              asOf: new Date().toISOString(),
              sections: [],
            },
            portal.inside.sign,
          ),
        ),
    ],
    [
      'a manifest that is no JSON',
      () =>
        portal.inside.sql(
          "UPDATE {db}.chart SET manifest = 'x' , manifest_hash = REPEAT('a', 32) WHERE patient_ref = ?",
          [ref()],
        ),
    ],
    [
      'a wrong hash beside the manifest',
      () => portal.inside.sql("UPDATE {db}.chart SET manifest_hash = REPEAT('a', 32) WHERE patient_ref = ?", [ref()]),
    ],
    [
      'a chart of the heartbeat taken away',
      () => portal.inside.sql('DELETE FROM {db}.chart WHERE patient_ref = ?', [ref()]),
    ],
  ])('%s is refused', async (_what, spoil) => {
    await spoil();
    expect(await lookAt(patient)).toBe('503 replica-unverified');
  });

  test('a chart older than the heartbeat knows it is refused', async () => {
    const { manifest } = await portal.inside.publish(patient.patientRef, SECTIONS, { seq: 2 });
    await portal.inside.publish(patient.patientRef, SECTIONS, { seq: 3 });
    await portal.inside.beat();
    await portal.inside.storeManifest(patient.patientRef, 2, manifest);
    expect(await lookAt(patient)).toBe('503 replica-unverified');
  });

  test('a chart older than the one that was shown is refused, though the heartbeat does not know better', async () => {
    const { manifest } = await portal.inside.publish(patient.patientRef, SECTIONS, { seq: 2 });
    await portal.inside.publish(patient.patientRef, SECTIONS, { seq: 3 });
    expect(await lookAt(patient)).toBe('200');
    await portal.inside.storeManifest(patient.patientRef, 2, manifest);
    expect(await lookAt(patient)).toBe('503 replica-unverified');
  });

  test('another chart under the number that was shown is refused', async () => {
    expect(await lookAt(patient)).toBe('200');
    await portal.inside.publish(patient.patientRef, { medications: { resources: [] } }, { seq: 1 });
    expect(await lookAt(patient)).toBe('503 replica-unverified');
  });

  test('the other patients are shown as before', async () => {
    const other = await portal.patient(SECTIONS);
    await portal.inside.sql(
      "UPDATE {db}.chart SET manifest = 'x', manifest_hash = REPEAT('b', 32) WHERE patient_ref = ?",
      [ref()],
    );
    expect(await lookAt(patient)).toBe('503 replica-unverified');
    expect(await lookAt(other)).toBe('200');
  });
});

describe('a grant', () => {
  test('that comes while its person is signed in opens the chart with the next request', async () => {
    const person = await portal.join();
    const patientRef = newRef();
    const patient = { ...person, patientRef };
    expect(await lookAt(patient)).toBe('404 not-found');
    await portal.inside.grant(person.accountRef, patientRef);
    expect(await lookAt(patient)).toBe('503 chart-not-ready');
    const waiting = await person.browser.get(`/api/charts/${patientRef}/status`).expect(200);
    expect(waiting.body).toEqual({ currentAsOf: null, freshness: 'red', frozen: false, sections: [], manifest: null });
    await portal.inside.publish(patientRef, SECTIONS);
    expect(await lookAt(patient)).toBe('200');
    // Marked by the inside: the chart stays readable as it was.
    const status = async (): Promise<unknown> =>
      (await person.browser.get(`/api/charts/${patientRef}/status`).expect(200)).body;
    await portal.inside.publish(patientRef, SECTIONS, { seq: 2, frozen: true });
    expect([await lookAt(patient), await status()]).toMatchObject(['200', { frozen: true, manifest: { seq: 2 } }]);
    await portal.inside.publish(patientRef, SECTIONS, { seq: 3 });
    expect([await lookAt(patient), await status()]).toMatchObject(['200', { frozen: false, manifest: { seq: 3 } }]);
    const session = await person.browser.get('/api/session');
    expect(session.body).toMatchObject({
      state: 'active',
      enrolment: { outcome: 'accepted', triesLeft: 5 },
      patients: [{ patientRef, relation: 'self', scopes: ['message'] }],
    });
  });

  test('that goes closes the chart with the next request', async () => {
    const patient = await portal.patient(SECTIONS);
    expect(await lookAt(patient)).toBe('200');
    await portal.inside.sql('DELETE FROM {db}.chart_grant WHERE account_ref = ?', [hex(patient.accountRef)]);
    expect(await lookAt(patient)).toBe('404 not-found');
    await patient.browser.get(`/api/charts/${patient.patientRef}/status`).expect(404);
  });

  test('of another chart that goes is noticed with any section that is read; unchanged ones need no look of their own', async () => {
    const patient = await portal.patient(SECTIONS);
    const [child, parent] = [await portal.patient(SECTIONS), await portal.patient(SECTIONS)];
    const charts = [patient, child, parent].map(({ patientRef }) => ({ ...patient, patientRef }));
    for (const { patientRef } of [child, parent]) {
      await portal.inside.grant(patient.accountRef, patientRef, { relation: 'proxy' });
    }
    expect(await lookAt(patient)).toBe('200');
    const refresh = jest.spyOn(portal.app.get(SessionGrants), 'refresh');
    const looks = async (): Promise<string[]> => Promise.all(charts.map((chart) => lookAt(chart)));
    expect(await looks()).toEqual(['200', '200', '200']);
    expect(refresh).not.toHaveBeenCalled();
    await portal.inside.sql('DELETE FROM {db}.chart_grant WHERE account_ref = ? AND patient_ref = ?', [
      hex(patient.accountRef),
      hex(child.patientRef),
    ]);
    expect(await lookAt(patient)).toBe('200');
    expect(refresh).toHaveBeenCalledTimes(1);
    refresh.mockRestore();
    expect(await looks()).toEqual(['200', '404 not-found', '200']);
  });

  test('replaced under its id binds with the next request: scopes, key and end', async () => {
    const person = await portal.join();
    const [patientRef, grantId] = [newRef(), newRef()];
    const patient = { ...person, patientRef };
    const replace = (terms: Partial<GrantTerms>): Promise<string> =>
      portal.inside.grant(person.accountRef, patientRef, { grantId, ...terms });
    const write = async (key: string): Promise<number> => {
      const message = { threadId: null, topic: 'General', subject: '', body: 'hello' };
      const url = `/api/charts/${patientRef}/messages`;
      return (await person.browser.post(url, message).set('idempotency-key', key)).status;
    };
    await portal.inside.publish(patientRef, SECTIONS);
    await replace({});
    expect([await lookAt(patient), await write('a-key-of-enough-letters')]).toEqual(['200', 201]);
    await replace({ scopes: [] });
    expect([await lookAt(patient), await write('another-key-of-enough-letters')]).toEqual(['200', 403]);
    await replace({ epoch: 2 });
    expect(await lookAt(patient)).toBe('404 section-not-found');
    await portal.inside.publish(patientRef, SECTIONS, { seq: 2, epoch: 2 });
    expect(await lookAt(patient)).toBe('200');
    await replace({ epoch: 2, to: new Date(Date.now() - 1_000).toISOString() });
    expect(await lookAt(patient)).toBe('404 not-found');
  });

  test('whose time is over or has not come closes the chart', async () => {
    for (const terms of [
      { to: new Date(Date.now() - 1_000).toISOString() },
      { from: new Date(Date.now() + 60_000).toISOString() },
    ]) {
      const person = await portal.join();
      const patientRef = newRef();
      await portal.inside.publish(patientRef, SECTIONS);
      await portal.inside.grant(person.accountRef, patientRef, terms);
      expect(await lookAt({ ...person, patientRef })).toBe('404 not-found');
    }
  });

  test.each<[string, (portal: PortalUnderTest, from: PatientWithChart, to: PatientWithChart) => Promise<unknown>]>([
    [
      'of another account, copied',
      async ({ inside }, from, to) =>
        inside.sql('UPDATE {db}.chart_grant SET account_ref = ? WHERE account_ref = ?', [
          hex(to.accountRef),
          hex(from.accountRef),
        ]),
    ],
    [
      'signed by a stranger',
      async ({ inside, config }, from, to) => {
        const [row] = await inside.sql('SELECT public_key FROM {db}.account WHERE account_ref = ?', [
          hex(to.accountRef),
        ]);
        const terms = {
          v: PROTOCOL_VERSION,
          site: config.siteId,
          grantId: newRef(),
          accountRef: to.accountRef,
          patientRef: from.patientRef,
          relation: 'self' as const,
          scopes: [],
          classes: 'all' as const,
          epoch: 1,
          from: new Date(Date.now() - 1_000).toISOString(),
          to: null,
          publicKey: (row?.['public_key'] as Buffer).toString('base64url'),
          issuedAt: new Date().toISOString(),
        };
        const stranger = newSigningPair();
        await inside.stateKey('sign', stranger.publicKey, signingKey(stranger.privateKey));
        await inside.storeGrant(terms, await issueGrant(terms, randomBytes(32), signingKey(stranger.privateKey)));
      },
    ],
    [
      'that is no JSON',
      async ({ inside }, _from, to) =>
        inside.sql("UPDATE {db}.chart_grant SET signed = 'x', grant_id = ? WHERE account_ref = ?", [
          hex(newRef()),
          hex(to.accountRef),
        ]),
    ],
  ])('%s opens nothing and hurts nobody', async (_what, forge) => {
    const [from, to] = [await portal.patient(SECTIONS), await portal.patient(SECTIONS)];
    await forge(portal, from, to);
    expect(await lookAt({ ...to, patientRef: from.patientRef })).toBe('404 not-found');
    await to.browser.get('/api/session').expect(200);
  });

  test('of a new chart key reads what is sealed under it, and the old one what is not sealed anew', async () => {
    const patient = await portal.patient({ medications: MEDICATIONS });
    await portal.inside.grant(patient.accountRef, patient.patientRef, { epoch: 2 });
    expect(await lookAt(patient)).toBe('200');
    await portal.inside.publish(patient.patientRef, SECTIONS, { seq: 2, epoch: 2 });
    expect(await lookAt(patient, 'results/2026')).toBe('200');
    await portal.inside.sql('DELETE FROM {db}.chart_grant WHERE account_ref = ? AND epoch = 1', [
      hex(patient.accountRef),
    ]);
    expect(await lookAt(patient)).toBe('200');
  });

  test.each([
    ['messages', { threadId: null, topic: 'General', subject: '', body: 'hello' }],
    ['release-wishes', { wish: 'wait', resultId: null }],
    ['ccd-requests', { from: null, to: null }],
  ])('without the scope of messages lets nobody send %s', async (path, body) => {
    const person = await portal.join();
    const patientRef = newRef();
    await portal.inside.publish(patientRef, SECTIONS);
    const grantId = await portal.inside.grant(person.accountRef, patientRef, { scopes: [] });
    const send = (): ReturnType<typeof person.browser.post> =>
      person.browser.post(`/api/charts/${patientRef}/${path}`, body).set('idempotency-key', 'a-key-of-enough-letters');
    const refused = await send();
    expect([refused.status, codeOf(refused)]).toEqual([403, 'scope-missing']);
    await portal.inside.grant(person.accountRef, patientRef, { grantId });
    expect((await send()).status).toBe(201);
  });
});

test('a thread belongs to the chart whose signed list names it', async () => {
  const threadId = newRef();
  const thread = {
    threadId,
    topic: 'General',
    subject: 'Hello',
    messages: 1,
    unread: 0,
    lastAt: new Date().toISOString(),
    lastFrom: 'practice',
    excerpt: 'Hello',
  };
  const patientRef = newRef();
  await portal.inside.publish(patientRef, { messages: { threads: [thread] } });
  const grant = {
    grantId: newRef(),
    version: '0'.repeat(64),
    patientRef,
    relation: 'self' as const,
    scopes: [],
    epoch: 1,
    from: new Date().toISOString(),
    to: null,
    chartKey: portal.inside.chartKey(patientRef),
  };
  const chart = new ChartAccess(patientRef, [grant]);
  const owner = portal.app.get(ThreadOwner);
  expect(await owner.holds(chart, threadId)).toBe(true);
  expect(await owner.holds(chart, newRef())).toBe(false);
  const empty = newRef();
  await portal.inside.publish(empty, SECTIONS);
  const other = new ChartAccess(empty, [{ ...grant, patientRef: empty, chartKey: portal.inside.chartKey(empty) }]);
  expect(await owner.holds(other, threadId)).toBe(false);
});
