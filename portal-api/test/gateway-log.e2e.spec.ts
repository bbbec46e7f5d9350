import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { GatewayUnderTest, redisOf } from './gateway-under-test.js';
import { INJECTIONS, LogUnderTest } from './log-under-test.js';
import { closed, requestOf, sendRaw } from './request-canaries.js';
import { TestAgent, agentPair, strangerPair } from './test-agent.js';

describe('the log of the gateway', () => {
  const log = new LogUnderTest();
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('log_gateway', redisOf('sync_gateway'), log);
    await gateway.handOverKeys();
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  test.each(Object.entries(INJECTIONS))(
    'is one well-formed line for each answer of every route, whatever the agent sends: %s',
    async (what, injection) => {
      const canary = `Canary${String(Object.keys(INJECTIONS).indexOf(what))}Zebra`;
      for (const path of [...Object.values(GATEWAY_ROUTES), `/v1/${canary}`]) {
        const before = answers().length;
        const [head, fields] = requestOf({ method: 'POST', path, isPublic: false }, canary, injection, '', canary);
        const socket = connect({
          host: '127.0.0.1',
          port: gateway.port,
          ...agentPair(),
          rejectUnauthorized: false,
          servername: 'sync-gateway.dmz',
        });
        const body = JSON.stringify({ ...(JSON.parse(fields) as object), v: PROTOCOL_VERSION });
        const { status } = await sendRaw(socket, head, body);
        expect([path, status]).toEqual([path, path.includes(canary) ? 404 : 400]);
        expect([path, answers().length]).toEqual([path, before + 1]);
      }
      expect(log.found([canary, 'forged'])).toEqual([]);
    },
  );

  test('names routes and codes, and repeats no name that a certificate or a handshake claims', async () => {
    using named = new TestAgent(gateway.port, strangerPair({ commonName: 'CertificateZebra' }));
    await expect(named.post(GATEWAY_ROUTES.hello, {})).rejects.toThrow();
    const socket = connect({
      host: '127.0.0.1',
      port: gateway.port,
      servername: 'handshake-zebra.example',
      rejectUnauthorized: false,
    });
    await closed(socket);
    expect(log.found(['CertificateZebra', 'handshake-zebra'])).toEqual([]);
    expect(log.text).toContain('another name than the agent’s was refused');
    for (const route of Object.values(GATEWAY_ROUTES)) {
      expect(answers()).toContainEqual(expect.objectContaining({ route, status: 400, code: 'body-refused' }));
    }
  });

  function answers(): Record<string, unknown>[] {
    return log.entries('sync-gateway').filter(({ msg }) => msg === 'answered');
  }
});
