import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { addDocument } from 'infra/openemr-sim/clinic-documents';
import { readRecording } from 'infra/openemr-sim/http/recorded-answer';
import { testServices } from 'infra/services/test-services';
import type { OpenEmrApiConfig } from '../src/config.js';
import { readClientKey } from '../src/keys/client-key.js';
import { AccessTokens } from '../src/openemr/access-token.js';
import { ApiConnection } from '../src/openemr/api-connection.js';
import { API_FAILURES, OpenEmrApiFailure, OpenEmrPermanent, OpenEmrTransient } from '../src/openemr/api-failures.js';
import { OPENEMR_SCOPES, OpenEmrApi } from '../src/openemr/openemr-api.js';
import { registerAtOpenEmr } from '../src/setup/register-at-openemr.js';
import {
  RogueOpenEmr,
  SimulatedOpenEmr,
  TOKEN_PATH,
  answerJson,
  granting,
  replay,
  type Answer,
} from './openemr-under-test.js';

const LIMIT = 64 * 1024;

async function failureOf(call: Promise<unknown>): Promise<OpenEmrApiFailure> {
  const failure: unknown = await call.catch((error: unknown) => error);
  if (!(failure instanceof OpenEmrApiFailure)) {
    throw new Error(`no failure of the API: ${String(failure)}`);
  }
  return failure;
}

/** A connection that the restart cut may fail once. */
async function persistently<T>(call: () => Promise<T>): Promise<T> {
  return call().catch((failure: unknown) => {
    if (failure instanceof OpenEmrTransient) {
      return call();
    }
    throw failure;
  });
}

describe("the agent's client at the OpenEMR simulator", () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  async function admitted(openemr: SimulatedOpenEmr): Promise<OpenEmrApi> {
    const { clientId } = await registerAtOpenEmr(openemr.config, { contact: 'ops@example.org' });
    await openemr.enable(clientId);
    return OpenEmrApi.open(openemr.config);
  }

  it('brings the bytes of a document as they were filed, also after OpenEMR forgot its tokens', async () => {
    await using openemr = await SimulatedOpenEmr.start('api');
    const api = await admitted(openemr);
    const bytes = randomBytes(50_000);
    const document = { pid: 1, name: 'scan.pdf', mimetype: 'application/pdf', bytes };
    const { uuid } = await addDocument(openemr.clinic, openemr.documentsDir, document);
    expect((await api.readDocument(uuid, LIMIT)).bytes.equals(bytes)).toBe(true);
    await openemr.restart();
    expect((await persistently(() => api.readDocument(uuid, LIMIT))).bytes.equals(bytes)).toBe(true);
    expect(await failureOf(api.readDocument(uuid, 1_000))).toMatchObject({ code: API_FAILURES.tooLarge });
    expect(await failureOf(api.readDocument(randomUUID(), LIMIT))).toMatchObject({
      code: API_FAILURES.documentMissing,
    });
    await openemr.enable((await registerAtOpenEmr(openemr.config, { contact: 'x@example.org' })).clientId, false);
    await openemr.restart();
    expect(await failureOf(persistently(() => api.readDocument(uuid, LIMIT)))).toMatchObject({
      code: API_FAILURES.clientDisabled,
    });
    await api.close();
  });

  it('is not let in with a clock far behind, and the sentence names the clock', async () => {
    await using openemr = await SimulatedOpenEmr.start('skew');
    const api = await admitted(openemr);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockImplementation(() => now - 10 * 60_000);
    const failure = await failureOf(api.proveAccess());
    expect([failure.code, failure.message.includes('clock')]).toEqual([API_FAILURES.assertion, true]);
    expect((await api.describe()).skewMs).toBeGreaterThan(9 * 60_000);
    jest.restoreAllMocks();
    await api.proveAccess();
    await api.close();
  });

  it('is let in with a clock ahead', async () => {
    await using openemr = await SimulatedOpenEmr.start('ahead');
    const api = await admitted(openemr);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockImplementation(() => now + 10 * 60_000);
    await api.proveAccess();
    await api.close();
  });

  it('is not let in with another key than the registered one', async () => {
    await using openemr = await SimulatedOpenEmr.start('key');
    await (await admitted(openemr)).close();
    await using stranger = await RogueOpenEmr.start();
    const api = await OpenEmrApi.open({ ...openemr.config, keyDir: stranger.keyDir });
    expect(await failureOf(api.proveAccess())).toMatchObject({ code: API_FAILURES.assertion });
    await api.close();
  });
});

describe('access tokens', () => {
  it('are asked for once, however many calls wait, and anew shortly before their end', async () => {
    await using openemr = await RogueOpenEmr.start();
    let given = 0;
    openemr.answer = (request, response, body) => {
      given += 1;
      granting(`token ${String(given)}`, () => undefined)(request, response, body);
    };
    let now = 0;
    const connection = new ApiConnection(openemr.config.url, openemr.config.caFile);
    const client = {
      clientId: 'a-client-of-this-test',
      key: await readClientKey(openemr.keyDir),
      site: 'default',
      scopes: OPENEMR_SCOPES,
    };
    const tokens = new AccessTokens(connection, client, () => now);
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => tokens.get())))).toEqual(new Set(['token 1']));
    now = 269_000;
    expect(await tokens.get()).toBe('token 1');
    now = 270_000;
    expect(await tokens.get()).toBe('token 2');
    tokens.drop('token 1');
    expect(await tokens.get()).toBe('token 2');
    tokens.drop('token 2');
    expect(await tokens.get()).toBe('token 3');
    expect(openemr.asked(TOKEN_PATH)).toBe(3);
    await connection.close();
  });

  it('and assertions appear in no failure and no printed object', async () => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('a-secret-token', answerJson({ error: 'x', message: 'a-secret-token' }, 401));
    const api = await OpenEmrApi.open(openemr.config);
    const failure = await failureOf(api.readDocument(randomUUID(), LIMIT));
    expect(failure.code).toBe(API_FAILURES.tokenRefused);
    openemr.answer = answerJson({ error: 'invalid_client', assertion: 'a-secret-token' }, 400);
    const refused = await failureOf(api.proveAccess());
    const printed = inspect([failure, refused, api], { depth: 12, showHidden: true });
    expect(printed).not.toContain('a-secret-token');
    for (const { body } of openemr.requests.filter(({ path }) => path === TOKEN_PATH)) {
      expect(printed).not.toContain(new URLSearchParams(body).get('client_assertion'));
    }
    await api.close();
  });
});

const html: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>OpenEMR Login</title></html>');
};
const endless: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-disposition': 'attachment' });
  const pour = (): void => {
    while (response.writable && response.write(Buffer.alloc(64 * 1024, 0x20))) {
      // until the client's side is full
    }
  };
  response.on('drain', pour);
  pour();
};
const redirect: Answer = (_request, response) => {
  response.writeHead(302, { location: 'https://elsewhere.example/' }).end();
};
const broken: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"access_', () => response.destroy());
};

describe('an OpenEMR that is not well', () => {
  it.each<[state: string, answer: Answer, code: string, kind: typeof OpenEmrTransient | typeof OpenEmrPermanent]>([
    ['a sign-in page', html, API_FAILURES.answer, OpenEmrTransient],
    ['rubbish', answerJson([1, 2, 3]), API_FAILURES.answer, OpenEmrTransient],
    [
      'another type of token',
      answerJson({ access_token: 'x', token_type: 'MAC' }),
      API_FAILURES.answer,
      OpenEmrTransient,
    ],
    ['endless', endless, API_FAILURES.tooLarge, OpenEmrPermanent],
    ['a redirect', redirect, API_FAILURES.redirect, OpenEmrPermanent],
    ['half an answer', broken, API_FAILURES.broken, OpenEmrTransient],
    ['overloaded', answerJson({}, 503), API_FAILURES.unavailable, OpenEmrTransient],
    ['tired of us', answerJson({}, 429), API_FAILURES.unavailable, OpenEmrTransient],
    ['forbidding', answerJson({}, 403), API_FAILURES.refused, OpenEmrPermanent],
  ])('at its token endpoint, %s', async (_state, answer, code, kind) => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = answer;
    const api = await OpenEmrApi.open(openemr.config);
    const failure = await failureOf(api.proveAccess());
    expect(failure).toMatchObject({ code });
    expect(failure).toBeInstanceOf(kind);
    await api.close();
  });

  it.each<[state: string, answer: Answer, code: string]>([
    ['a sign-in page', html, API_FAILURES.answer],
    ['endless', endless, API_FAILURES.tooLarge],
    ['a redirect', redirect, API_FAILURES.redirect],
    ['half of it', broken, API_FAILURES.broken],
  ])('in place of a document, %s', async (_state, answer, code) => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('t', answer);
    const api = await OpenEmrApi.open(openemr.config);
    expect(await failureOf(api.readDocument(randomUUID(), LIMIT))).toMatchObject({ code });
    await api.close();
  });

  const PATIENT = 'a348a346-9e0a-4cda-bba7-75a7e5778cb3';
  const docref = (given: object = {}, url = `https://elsewhere.example/apis/default/fhir/Binary/${PATIENT}`): Answer =>
    answerJson({
      resourceType: 'Bundle',
      entry: [{ resource: { resourceType: 'DocumentReference', content: [{ attachment: { url } }], ...given } }],
    });

  it.each<[state: string, answer: Answer, code: string, kind: typeof OpenEmrTransient | typeof OpenEmrPermanent]>([
    ['a sign-in page', html, API_FAILURES.answer, OpenEmrTransient],
    ['no document', answerJson({ resourceType: 'Bundle', entry: [] }), API_FAILURES.answer, OpenEmrTransient],
    ['another address', docref({}, 'https://elsewhere.example/x.php'), API_FAILURES.answer, OpenEmrTransient],
    [
      'another patient’s',
      docref({ subject: { reference: `Patient/${randomUUID()}` } }),
      API_FAILURES.answer,
      OpenEmrPermanent,
    ],
    [
      'its recorded refusal',
      replay(readRecording('fhir/documentreference-docref')),
      API_FAILURES.refused,
      OpenEmrPermanent,
    ],
    ['overloaded', answerJson({}, 500), API_FAILURES.unavailable, OpenEmrTransient],
    ['no right', answerJson({}, 401), API_FAILURES.tokenRefused, OpenEmrPermanent],
  ])('in place of a C-CDA, %s', async (_state, answer, code, kind) => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('t', answer);
    const api = await OpenEmrApi.open(openemr.config);
    const failure = await failureOf(api.makeCcd(PATIENT, { start: null, end: null }));
    expect(failure).toMatchObject({ code });
    expect(failure).toBeInstanceOf(kind);
    await api.close();
  });

  it('is asked for a C-CDA as its description states, with a token for nothing else', async () => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('t', docref({ subject: { reference: `Patient/${PATIENT}` } }));
    const api = await OpenEmrApi.open(openemr.config);
    expect(await api.makeCcd(PATIENT, { start: '2025-01-01', end: null })).toBe(PATIENT);
    const [token, asked] = openemr.requests;
    expect(new URLSearchParams(token?.body).get('scope')).toBe('system/DocumentReference.$docref');
    expect(asked?.path).toBe(`/apis/default/fhir/DocumentReference/$docref?patient=${PATIENT}&start=2025-01-01`);
    await api.close();
  });

  it('that announces too much is not read', async () => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('t', (_request, response) => {
      response.writeHead(200, { 'content-disposition': 'attachment', 'content-length': String(LIMIT + 1) });
      response.write('%PDF');
    });
    const api = await OpenEmrApi.open(openemr.config);
    expect(await failureOf(api.readDocument(randomUUID(), LIMIT))).toMatchObject({ code: API_FAILURES.tooLarge });
    await api.close();
  });

  it('that does not answer in time is given up, and nothing is told of what was sent', async () => {
    await using openemr = await RogueOpenEmr.start();
    const connection = new ApiConnection(openemr.config.url, openemr.config.caFile);
    const call = { method: 'GET', path: '/', timeout: 200, limit: 10 } as const;
    expect(await failureOf(connection.exchange(call))).toMatchObject({ code: API_FAILURES.tooSlow });
    await connection.close();
  });

  it('that is down is told from one with a wrong certificate', async () => {
    await using openemr = await RogueOpenEmr.start();
    const { config } = openemr;
    await using misnamed = await RogueOpenEmr.start();
    const tls = join(testServices().inside.dir, 'tls');
    const empty = join(openemr.keyDir, 'no-ca.crt');
    writeFileSync(empty, '');
    const cases: [Partial<OpenEmrApiConfig>, string][] = [
      [{ url: 'https://127.0.0.1:1' }, API_FAILURES.unreachable],
      [{ url: 'https://no-such-host.invalid' }, API_FAILURES.unreachable],
      [{ caFile: join(tls, 'crossing-ca.crt') }, API_FAILURES.certificate],
      [{ caFile: empty }, API_FAILURES.certificate],
      [{ url: misnamed.config.url.replace('127.0.0.1', '127.0.0.2') }, API_FAILURES.certificate],
    ];
    for (const [different, code] of cases) {
      const api = await OpenEmrApi.open({ ...config, ...different });
      expect({ ...different, failure: await failureOf(api.proveAccess()) }).toMatchObject({ failure: { code } });
      await api.close();
    }
    expect(misnamed.requests).toEqual([]);
  });

  it('without a registered client is told before anything is sent', async () => {
    await using openemr = await RogueOpenEmr.start();
    const config = { ...openemr.config, clientIdFile: join(openemr.keyDir, 'nothing') };
    expect(await failureOf(OpenEmrApi.open(config))).toMatchObject({ code: API_FAILURES.notRegistered });
    expect(openemr.requests).toEqual([]);
  });
});
