import { setTimeout as pause } from 'node:timers/promises';
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { signCut, type Cut } from 'sync-contract/cut';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { newSigningPair, signingKey, type SigningKey } from 'sync-contract/signed';
import { createGateway } from '../src/gateway/gateway-app.js';
import { GatewayUnderTest } from './gateway-under-test.js';
import { TestAgent, agentPair, strangerPair, type Answer, type ClientPair } from './test-agent.js';

const REFUSED = { status: 403, body: expect.objectContaining({ code: 'agent-revoked' }) };

function fingerprint({ cert }: ClientPair): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
}

describe('the gateway, when the inside cuts the DMZ off', () => {
  let gateway: GatewayUnderTest;
  const spare = strangerPair({});
  const taken = strangerPair({});

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_cut');
    await gateway.handOverKeys();
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  function statement(change: Partial<Cut> = {}, key: SigningKey = gateway.keys.sign): object {
    const cut: Cut = {
      v: PROTOCOL_VERSION,
      site: gateway.site,
      state: 'cut',
      issuedAt: new Date().toISOString(),
      revoked: [fingerprint(taken)],
      ...change,
    };
    return { statement: signCut(cut, key) };
  }

  async function hello(agent: TestAgent): Promise<Answer> {
    const body = { v: PROTOCOL_VERSION, site: gateway.site, now: new Date().toISOString() };
    return await agent.post(GATEWAY_ROUTES.hello, body);
  }

  async function stored(): Promise<number> {
    const rows: unknown[] = await gateway.database.query('SELECT 1 FROM cut_statement');
    return rows.length;
  }

  test('believes only the inside’s signature, for this site', async () => {
    const refusals = [
      statement({}, signingKey(newSigningPair().privateKey)),
      statement({ site: '7d1bb5c0-5f0a-4a53-8c79-9a7f2d6c9b22' }),
    ];
    for (const body of refusals) {
      const answer = await gateway.call('cut', body);
      expect(answer).toMatchObject({ status: 422, body: { code: 'statement-refused' } });
    }
    expect(await stored()).toBe(0);
    using agent = new TestAgent(gateway.port, taken);
    expect((await hello(agent)).status).toBe(200);
  });

  test('answers the certificate that it revokes once more, then never, and ends its waiting lease', async () => {
    using waiting = new TestAgent(gateway.port, taken);
    using calling = new TestAgent(gateway.port, taken);
    const lease = waiting.post(GATEWAY_ROUTES.lease, { v: PROTOCOL_VERSION, limit: 1, waitMs: 25_000 });
    const ended = expect(lease).rejects.toThrow();
    await pause(300);
    const began = performance.now();
    expect(await calling.post(GATEWAY_ROUTES.cut, { v: PROTOCOL_VERSION, ...statement() })).toMatchObject({
      status: 200,
    });
    await ended;
    expect(performance.now() - began).toBeLessThan(20_000);
    for (const route of Object.values(GATEWAY_ROUTES)) {
      expect(await calling.post(route, { v: PROTOCOL_VERSION })).toMatchObject(REFUSED);
    }
    const [entry] = await gateway.database.query<{ body: string }[]>(
      "SELECT body FROM audit_entry WHERE body LIKE '%gateway-cut%'",
    );
    expect(JSON.parse(entry?.body ?? '{}')).toMatchObject({ actor: 'agent', outcome: 'ok', reason: 'cut' });
  });

  test('does not read what a revoked certificate sends', async () => {
    using agent = new TestAgent(gateway.port, taken);
    expect(await agent.post(GATEWAY_ROUTES.hello, '{"v":')).toMatchObject(REFUSED);
    expect(await agent.post('/v1/nothing', {})).toMatchObject(REFUSED);
  });

  test('listens to another certificate, also for the same statement again', async () => {
    using agent = new TestAgent(gateway.port, spare);
    expect((await hello(agent)).status).toBe(200);
    const again = statement();
    const before = await stored();
    expect((await gateway.call('cut', again)).status).toBe(200);
    expect((await gateway.call('cut', again)).status).toBe(200);
    expect(await stored()).toBe(before + 1);
  });

  test('keeps a certificate revoked when the cut is lifted, and after a restart', async () => {
    expect((await gateway.call('cut', statement({ state: 'lifted', revoked: [] }))).status).toBe(200);
    using agent = new TestAgent(gateway.port, taken);
    expect(await hello(agent)).toMatchObject(REFUSED);
    const second = await createGateway(gateway.config);
    await second.listen(0, '127.0.0.1');
    try {
      const { port } = second.getHttpServer().address() as { port: number };
      using same = new TestAgent(port, taken);
      expect(await hello(same)).toMatchObject(REFUSED);
      using right = new TestAgent(port, agentPair());
      expect((await hello(right)).status).toBe(200);
    } finally {
      await second.close();
    }
  });
});
