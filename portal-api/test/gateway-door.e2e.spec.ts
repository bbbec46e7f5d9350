import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { LIMITS } from 'sync-contract/limits';
import { ACCEPTED_PROTOCOL_VERSIONS, PROTOCOL_VERSION } from 'sync-contract/protocol';
import { GatewayUnderTest } from './gateway-under-test.js';
import { TestAgent, agentPair, strangerPair, type ClientPair } from './test-agent.js';

const ROUTES = Object.values(GATEWAY_ROUTES);

function nested(depth: number): string {
  return `{"v":${String(PROTOCOL_VERSION)},"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
}

describe('the gateway', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_door');
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  async function expectAlive(): Promise<void> {
    const answer = await gateway.call('hello', { site: gateway.site, now: new Date().toISOString() });
    expect(answer.status).toBe(200);
  }

  describe('lets nobody in but the agent', () => {
    const strangers: [string, () => ClientPair | null, 'TLSv1.2' | 'TLSv1.3'][] = [
      ['without a certificate', () => null, 'TLSv1.3'],
      ['with a certificate that signs itself', () => strangerPair({ ca: 'own' }), 'TLSv1.3'],
      ['with a certificate of another link’s CA', () => strangerPair({ ca: 'dmz-ca' }), 'TLSv1.3'],
      ['with another name of the right CA', () => strangerPair({ commonName: 'sync-agent2' }), 'TLSv1.3'],
      ['with an expired certificate', () => strangerPair({ valid: [-2, -1] }), 'TLSv1.3'],
      ['with a certificate that is not valid yet', () => strangerPair({ valid: [1, 2] }), 'TLSv1.3'],
      ['with the right certificate over TLS 1.2', agentPair, 'TLSv1.2'],
    ];

    test.each(strangers)('%s: the connection ends before HTTP', async (_who, pair, maxVersion) => {
      using stranger = new TestAgent(gateway.port, pair(), { maxVersion });
      await expect(stranger.post(GATEWAY_ROUTES.hello, { v: PROTOCOL_VERSION })).rejects.toThrow();
      await expectAlive();
    });

    test('control: the same call with the agent’s certificate is answered', async () => {
      using agent = new TestAgent(gateway.port, agentPair(), { maxVersion: 'TLSv1.3' });
      const answer = await agent.post(GATEWAY_ROUTES.hello, {
        v: PROTOCOL_VERSION,
        site: gateway.site,
        now: new Date().toISOString(),
      });
      expect(answer.status).toBe(200);
    });

    test('a resumed TLS session is known by its certificate too', async () => {
      const options = { host: '127.0.0.1', port: gateway.port, ...agentPair(), rejectUnauthorized: false };
      const hello =
        'POST /v1/hello HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';
      let session: Buffer | undefined;
      for (const resumed of [false, true]) {
        const socket = connect({ ...options, session });
        socket.on('session', (ticket) => (session = ticket));
        socket.write(hello);
        const [head] = (await once(socket, 'data')) as [Buffer];
        expect(socket.isSessionReused()).toBe(resumed);
        expect(head.toString()).toMatch(/^HTTP\/1.1 4/);
        socket.destroy();
      }
    });

    test('control: a stranger’s pair that differs in nothing is let in', async () => {
      using agent = new TestAgent(gateway.port, strangerPair({}));
      const answer = await agent.post(GATEWAY_ROUTES.hello, {
        v: PROTOCOL_VERSION,
        site: gateway.site,
        now: new Date().toISOString(),
      });
      expect(answer.status).toBe(200);
    });
  });

  describe('refuses rubbish on every route with a problem that repeats nothing', () => {
    const rubbish: [string, string | Buffer, string, number, string][] = [
      ['no JSON', '{"v":', 'application/json', 400, 'body-not-json'],
      ['an empty body', '', 'application/json', 400, 'body-not-json'],
      ['a list', '[]', 'application/json', 400, 'body-refused'],
      ['null', 'null', 'application/json', 400, 'body-refused'],
      [
        'a prototype',
        `{"v":${String(PROTOCOL_VERSION)},"__proto__":{"canary":1}}`,
        'application/json',
        400,
        'body-not-json',
      ],
      [
        'a constructor',
        `{"v":${String(PROTOCOL_VERSION)},"constructor":{"prototype":{"canary":1}}}`,
        'application/json',
        400,
        'body-not-json',
      ],
      ['an unknown field', `{"v":${String(PROTOCOL_VERSION)},"canary":1}`, 'application/json', 400, 'body-refused'],
      ['one level too deep', nested(LIMITS.jsonDepth), 'application/json', 400, 'body-not-json'],
      ['100,000 levels', nested(100_000), 'application/json', 400, 'body-not-json'],
      ['text', 'v=2', 'text/plain', 415, 'content-type-refused'],
      ['a form', 'v=2&canary=1', 'application/x-www-form-urlencoded', 415, 'content-type-refused'],
      ['no version', '{}', 'application/json', 400, 'protocol-version-refused'],
      [
        'a version to come',
        `{"v":${String(PROTOCOL_VERSION + 1)}}`,
        'application/json',
        400,
        'protocol-version-refused',
      ],
      ['a version as text', `{"v":"${String(PROTOCOL_VERSION)}"}`, 'application/json', 400, 'protocol-version-refused'],
      ['mistyped fields', mistyped(), 'application/json', 400, 'body-refused'],
      ['25 MiB', Buffer.alloc(LIMITS.gatewayRequestBytes + 1, 0x20), 'application/json', 413, 'body-too-large'],
    ];

    for (const route of ROUTES) {
      test(route, async () => {
        for (const [what, body, contentType, status, code] of rubbish) {
          if (status === 413) {
            // The gateway may close while the client still writes: an answer or a cut connection are both a refusal.
            const answer = await gateway.agent
              .post(route, body, { headers: { 'content-type': contentType } })
              .catch(() => undefined);
            expect([undefined, 413]).toContain(answer?.status);
            continue;
          }
          const answer = await gateway.agent.post(route, body, { headers: { 'content-type': contentType } });
          expect({ what, status: answer.status, contentType: answer.contentType, body: answer.body }).toEqual({
            what,
            status,
            contentType: expect.stringContaining('application/problem+json'),
            body: expect.objectContaining({ code, status, type: `urn:oe-portal:problem:${code}` }),
          });
          expect(JSON.stringify(answer.body)).not.toMatch(/canary/);
        }
        await expectAlive();
      });
    }

    test('and names the versions it speaks', async () => {
      const answer = await gateway.agent.post(GATEWAY_ROUTES.hello, { v: 99 });
      expect(answer.body).toMatchObject({
        detail: expect.stringContaining(
          `99 is not accepted here: this side speaks ${ACCEPTED_PROTOCOL_VERSIONS.join(' and ')}`,
        ),
      });
    });
  });

  test.each([
    ['POST', '/'],
    ['POST', '/v1'],
    ['POST', '/v1/outbox'],
    ['POST', '/v2/hello'],
    ['POST', '/api/session'],
    ['GET', '/v1/hello'],
    ['HEAD', '/v1/hello'],
    ['OPTIONS', '/v1/hello'],
    ['DELETE', '/v1/grants'],
    ['POST', '/v1/hello/'],
    ['POST', '/v1/%2e%2e/hello'],
  ])('%s %s is closed', async (method, path) => {
    const answer = await gateway.agent.post(path, {}, { method });
    expect(answer.status).toBe(404);
    if (method !== 'HEAD') {
      expect(answer.body).toMatchObject({ code: 'not-found' });
    }
  });

  test('a caller who sends headers for ever is cut off within seconds', async () => {
    const socket = connect({
      host: '127.0.0.1',
      port: gateway.port,
      ...agentPair(),
      rejectUnauthorized: false,
      servername: 'sync-gateway.dmz',
    });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write('POST /v1/hello HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => socket.write('x: y\r\n'), 500);
    socket.on('error', () => undefined);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
    await expectAlive();
  }, 15_000);
});

/** Every field name that some route knows, with a value that none accepts. */
function mistyped(): string {
  return JSON.stringify({
    v: PROTOCOL_VERSION,
    site: 1,
    now: {},
    statements: 'x',
    invites: [{}],
    enrolments: [[]],
    grants: [1],
    grantIds: null,
    charts: 'x',
    limit: -1,
    waitMs: 1e9,
    submissionIds: ['../..'],
    patientRef: "' OR 1=1",
    manifest: null,
    heartbeat: [],
  });
}
