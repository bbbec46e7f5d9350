import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT, exportJWK } from 'jose';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { addDocument } from 'infra/openemr-sim/clinic-documents';
import { RECORDED_ADDRESS, readRecording, type Recording } from 'infra/openemr-sim/http/recorded-answer';
import { simDataPath } from 'infra/openemr-sim/sim-data';
import { ApiConnection } from '../src/openemr/api-connection.js';
import { API_FAILURES, OpenEmrPermanent, type ApiFailureCode } from '../src/openemr/api-failures.js';
import { OpenEmrApi, describeServer } from '../src/openemr/openemr-api.js';
import { registerClient, type RegistrationDocument } from '../src/openemr/register-client.js';
import { RogueOpenEmr, SimulatedOpenEmr, TOKEN_PATH, answerJson, granting, replay } from './openemr-under-test.js';

const Registered = z.object({ client_id: z.string() });
const TokenRequest = z.record(z.string(), z.string());
const DOCUMENTS = new Map<string, { name: string; mimetype: string }>([
  ['fhir/binary-1', { name: 'note.txt', mimetype: 'text/plain' }],
  ['fhir/binary-3', { name: 'visit-summary.pdf', mimetype: 'application/pdf' }],
]);

interface Assertion {
  key?: KeyObject;
  alg?: string;
  kid?: string;
  audience?: string;
  /** seconds from now */
  end?: number;
  jti?: string | null;
  clientId?: string;
}

/** How the recorded assertion, which was taken out of the recording, differed from a good one. */
const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  '09-token-client-disabled-system': {},
  '11-cc-ok': {},
  '12-cc-replayed-jti': { jti: 'used-before' },
  '13-cc-bad-signature': { key: newKey() },
  '14-cc-bad-aud': { audience: 'https://elsewhere.example/token' },
  '15-cc-expired': { end: -10 },
  '16-cc-exp-too-long': { end: 3600 },
  '17-cc-unknown-kid': { kid: 'nobody-knows-it' },
  '18-cc-unknown-client': { clientId: 'nobody-knows-this-client' },
  '19-cc-no-scope': {},
  '20-cc-user-scope': {},
  '21-cc-unknown-scope': {},
  '22-cc-RS256': { alg: 'RS256' },
  '23-cc-jti-missing': { jti: null },
  '24-cc-all-scopes': {},
  '40-cc-exp-30': { end: -30 },
  '40-cc-exp-300': { end: -300 },
  // One second of slack for the run itself.
  '40-cc-exp-59': { end: -58 },
  '40-cc-exp-61': { end: -61 },
  '40-cc-exp-90': { end: -90 },
  '41-cc-v2-scopes-only': {},
  '44-cc-client-secret-instead-of-assertion': {},
  '45-cc-aud-issuer': { audience: 'issuer' },
};

function newKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

function recordingsOf(area: string): string[] {
  return readdirSync(simDataPath(`recordings/${area}`)).map((name) => `${area}/${name.replace('.json', '')}`);
}

describe('the OpenEMR simulator answers as the recorded OpenEMR did', () => {
  let openemr: SimulatedOpenEmr;
  let clientId: string;
  const key = newKey();
  const http = new Agent({ connect: { rejectUnauthorized: false } });

  beforeAll(async () => {
    openemr = await SimulatedOpenEmr.start('contract');
    const { body } = readRecording('oauth2/03-register-system-client').request;
    const { n, e } = await exportJWK(key);
    const jwks = { keys: [{ kty: 'RSA', n, e, kid: 'sync-agent-key-1', use: 'sig', alg: 'RS384' }] };
    const answer = await ask('POST', '/oauth2/default/registration', {}, JSON.stringify({ ...Object(body), jwks }));
    clientId = Registered.parse(JSON.parse(answer.body)).client_id;
  });

  afterAll(async () => {
    await http.close();
    await openemr[Symbol.asyncDispose]();
  });

  it('in every recorded exchange that is kept here', async () => {
    const looked = new Set<string>();
    for (const name of [...recordingsOf('oauth2'), ...recordingsOf('fhir')]) {
      await openemr.enable(clientId, name !== 'oauth2/09-token-client-disabled-system');
      await compare(name, await answerTo(name));
      looked.add(name);
    }
    expect(looked.size).toBe(36);
  });

  it('and says of anything else that it is not recorded, as itself', async () => {
    const answer = await ask('GET', '/apis/default/fhir/Patient', {});
    expect(answer).toMatchObject({ status: 501, headers: { 'x-simulator': 'OpenEMR SIMULATOR' } });
  });

  async function answerTo(name: string): Promise<Answered> {
    const recording = readRecording(name);
    if (recording.request.path === TOKEN_PATH) {
      return token(name, recording);
    }
    const document = DOCUMENTS.get(name);
    const { method, path, headers, body } = recording.request;
    const scope =
      name === 'oauth2/33-api-missing-scope'
        ? 'system/Patient.read'
        : 'system/Binary.read system/DocumentReference.$docref';
    const authorization = name === 'oauth2/32-api-bad-token' ? 'Bearer nonsense' : `Bearer ${await accessToken(scope)}`;
    return ask(
      method,
      document === undefined ? withBinary(path) : `/apis/default/fhir/Binary/${await store(recording, document)}`,
      headers['Authorization'] === undefined ? headers : { ...headers, authorization, Authorization: undefined },
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  /** Recorded with resources the simulator does not have; what a token may do is asked of the one it has. */
  function withBinary(path: string): string {
    return path.replace(/fhir\/(Patient|Observation)$/, `fhir/Binary/${randomUUID()}`);
  }

  async function token(name: string, { request: recorded }: Recording): Promise<Answered> {
    const made = ASSERTIONS[name.replace('oauth2/', '')];
    if (made === undefined) {
      throw new Error(`how the assertion of ${name} was made is not said`);
    }
    if (made.jti === 'used-before') {
      await tokenRequest({ client_assertion: await assertion(made), scope: 'system/Patient.read' });
    }
    const form = TokenRequest.parse(recorded.body);
    if (form['client_assertion'] !== undefined) {
      form['client_assertion'] = await assertion(made);
    }
    return ask('POST', TOKEN_PATH, recorded.headers, new URLSearchParams(form).toString());
  }

  async function accessToken(scope: string): Promise<string> {
    const answer = await tokenRequest({ client_assertion: await assertion({}), scope });
    return z.object({ access_token: z.string() }).parse(JSON.parse(answer.body)).access_token;
  }

  function tokenRequest(form: Record<string, string>): Promise<Answered> {
    const grant = {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return ask('POST', TOKEN_PATH, headers, new URLSearchParams({ ...grant, ...form }).toString());
  }

  function assertion(made: Assertion): Promise<string> {
    const tokenUrl = `${openemr.url}${TOKEN_PATH}`;
    const id = made.clientId ?? clientId;
    const jwt = new SignJWT()
      .setProtectedHeader({ alg: made.alg ?? 'RS384', kid: made.kid ?? 'sync-agent-key-1' })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(made.audience === 'issuer' ? `${openemr.url}/oauth2/default` : (made.audience ?? tokenUrl))
      .setExpirationTime(Math.floor(Date.now() / 1000) + (made.end ?? 240));
    return (made.jti === null ? jwt : jwt.setJti(made.jti ?? randomUUID())).sign(made.key ?? key);
  }

  async function store(recording: Recording, document: { name: string; mimetype: string }): Promise<string> {
    const bytes = Buffer.from(z.string().parse(recording.response.body));
    return (await addDocument(openemr.clinic, openemr.documentsDir, { pid: 1, ...document, bytes })).uuid;
  }

  interface Answered {
    status: number;
    headers: Record<string, unknown>;
    body: string;
  }

  async function ask(
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string | undefined>,
    body?: string,
  ): Promise<Answered> {
    const answer = await request(`${openemr.url}${path}`, { dispatcher: http, method, headers, body });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  }

  /** Every recorded header and every value of the body; what differs from run to run by the rule of its name. */
  async function compare(name: string, answer: Answered): Promise<void> {
    const { response } = readRecording(name);
    const { 'set-cookie': cookie, ...fixed } = response.headers;
    expect({ name, status: answer.status, headers: answer.headers }).toMatchObject({
      name,
      status: response.status,
      headers: fixed,
    });
    expect({ name, cookie: String(answer.headers['set-cookie']).replace(/=[0-9a-f]{32};/, '=<redacted>;') }).toEqual({
      name,
      cookie: String(cookie),
    });
    const body = await comparable(answer.body);
    expect({ name, body }).toEqual({ name, body: response.body });
  }

  async function comparable(text: string): Promise<unknown> {
    const body = parsed(text.replaceAll(openemr.url, RECORDED_ADDRESS));
    const fields = z.looseObject({}).safeParse(body);
    if (!fields.success) {
      return body;
    }
    const rules: Record<string, { shape: RegExp; recorded: unknown }> = {
      access_token: { shape: /^[\w.-]{40,}$/, recorded: '<redacted>' },
      client_secret: { shape: /^[\w-]{80,}$/, recorded: '<redacted>' },
      registration_access_token: { shape: /^[\w-]{40,}$/, recorded: '<redacted>' },
      ...(await registrationRules()),
    };
    return Object.fromEntries(
      Object.entries(fields.data).map(([name, value]) => {
        const rule = rules[name];
        return [name, rule?.shape.test(String(value)) === true ? rule.recorded : value];
      }),
    );
  }

  function registrationRules(): Promise<Record<string, { shape: RegExp; recorded: unknown }>> {
    const recorded = z.looseObject({}).parse(readRecording('oauth2/03-register-system-client').response.body);
    return Promise.resolve({
      client_id: { shape: /^[\w-]{43}$/, recorded: recorded['client_id'] },
      client_id_issued_at: { shape: /^\d{10}$/, recorded: recorded['client_id_issued_at'] },
      registration_client_uri: {
        shape: /^https:\/\/127\.0\.0\.1:9300\/oauth2\/default\/client\/[\w-]{22}$/,
        recorded: recorded['registration_client_uri'],
      },
    });
  }
});

describe("the agent's client understands the recorded OpenEMR", () => {
  it.each<[recording: string, asked: string[], outcome: ApiFailureCode | 'granted']>([
    ['09-token-client-disabled-system', ['system/Patient.read'], API_FAILURES.clientDisabled],
    ['11-cc-ok', ['system/Patient.read', 'system/Observation.read'], 'granted'],
    ['11-cc-ok', ['system/Patient.read', 'system/Binary.read'], API_FAILURES.scopeMissing],
    ['12-cc-replayed-jti', ['system/Patient.read'], API_FAILURES.assertion],
    ['13-cc-bad-signature', ['system/Patient.read'], API_FAILURES.assertion],
    ['14-cc-bad-aud', ['system/Patient.read'], API_FAILURES.assertion],
    ['15-cc-expired', ['system/Patient.read'], 'granted'],
    ['18-cc-unknown-client', ['system/Patient.read'], API_FAILURES.clientDisabled],
    ['19-cc-no-scope', ['system/Patient.read'], API_FAILURES.scopeMissing],
    ['20-cc-user-scope', ['system/Patient.read'], API_FAILURES.scopeMissing],
    ['21-cc-unknown-scope', ['system/Bogus.read'], API_FAILURES.scopeUnknown],
    ['22-cc-RS256', ['system/Patient.read'], API_FAILURES.assertion],
    ['24-cc-all-scopes', ['system/Binary.read'], 'granted'],
    ['40-cc-exp-61', ['system/Patient.read'], API_FAILURES.assertion],
    ['41-cc-v2-scopes-only', ['system/Patient.rs'], 'granted'],
    ['41-cc-v2-scopes-only', ['system/Patient.read'], API_FAILURES.scopeMissing],
    ['44-cc-client-secret-instead-of-assertion', ['system/Patient.read'], API_FAILURES.refused],
    ['45-cc-aud-issuer', ['system/Patient.read'], API_FAILURES.assertion],
  ])('%s asked for %j: %s', async (recording, asked, outcome) => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = replay(readRecording(`oauth2/${recording}`));
    const api = await OpenEmrApi.open(openemr.config, asked);
    expect(await outcomeOf(api.proveAccess())).toBe(outcome === 'granted' ? undefined : outcome);
    await api.close();
  });

  it.each<[recording: string, code: ApiFailureCode]>([
    ['oauth2/32-api-bad-token', API_FAILURES.tokenRefused],
    ['oauth2/33-api-missing-scope', API_FAILURES.tokenRefused],
    ['oauth2/37-fhir-unknown-site', API_FAILURES.refused],
    ['fhir/binary-404', API_FAILURES.documentMissing],
    ['fhir/metadata', API_FAILURES.answer],
  ])('%s in answer to a document: %s', async (recording, code) => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('t', replay(readRecording(recording)));
    const api = await OpenEmrApi.open(openemr.config);
    expect(await outcomeOf(api.readDocument(randomUUID(), 1024))).toBe(code);
    await api.close();
  });

  it.each([...DOCUMENTS.keys()])('%s: byte for byte', async (recording) => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = granting('t', replay(readRecording(recording)));
    const api = await OpenEmrApi.open(openemr.config);
    const { bytes, contentType } = await api.readDocument(randomUUID(), 1024);
    const { body, headers } = readRecording(recording).response;
    expect([bytes.toString('utf8'), contentType]).toEqual([body, headers['content-type']]);
    await api.close();
  });

  it('its description of itself', async () => {
    await using openemr = await RogueOpenEmr.start();
    openemr.answer = (incoming, response, body) => {
      const name = incoming.url?.endsWith('metadata') === true ? 'fhir/metadata' : 'oauth2/02-smart-configuration';
      replay(readRecording(name))(incoming, response, body);
    };
    const connection = new ApiConnection(openemr.config.url, openemr.config.caFile);
    const { skewMs, ...described } = await describeServer(connection, 'default');
    expect(described).toEqual({
      software: 'OpenEMR',
      version: null,
      fhirVersion: '4.0.1',
      tokenEndpoint: `${RECORDED_ADDRESS}${TOKEN_PATH}`,
      clientCredentials: true,
    });
    expect(Math.abs(skewMs ?? Number.NaN)).toBeLessThan(5_000);
    await connection.close();
  });

  it.each<[recording: string, outcome: ApiFailureCode | 'registered']>([
    ['03-register-system-client', 'registered'],
    ['04-register-system-client-no-jwks', API_FAILURES.refused],
    ['05-register-unknown-scope', API_FAILURES.refused],
  ])('%s: %s', async (recording, outcome) => {
    await using openemr = await RogueOpenEmr.start();
    const { response } = readRecording(`oauth2/${recording}`);
    openemr.answer = answerJson(response.body, response.status);
    const connection = new ApiConnection(openemr.config.url, openemr.config.caFile);
    const sent = registerClient(connection, 'default', {} as RegistrationDocument);
    if (outcome === 'registered') {
      expect(await sent).toBe(Registered.parse(response.body).client_id);
    } else {
      expect(await outcomeOf(sent)).toBe(outcome);
    }
    await connection.close();
  });
});

/** The code of a permanent failure; undefined for success. Anything else is thrown on. */
async function outcomeOf(call: Promise<unknown>): Promise<ApiFailureCode | undefined> {
  try {
    await call;
    return undefined;
  } catch (failure: unknown) {
    if (!(failure instanceof OpenEmrPermanent)) {
      throw failure;
    }
    return failure.code;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
