import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { testServices } from 'infra/services/test-services';
import { LIMITS } from 'sync-contract/limits';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { strangerPair } from '../../portal-api/test/test-agent.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { Conflict, Permanent, RouteUnknown, Transient } from '../src/gateway-client/gateway-failures.js';
import { json, RogueGateway, type Answer } from './rogue-gateway.js';

const SITE = randomUUID();

const HELLO = {
  versions: [PROTOCOL_VERSION],
  site: SITE,
  now: new Date().toISOString(),
  heartbeat: null,
  restored: false,
};

/** A gateway that greets well and then answers with `then`. */
function after(hello: object, then: Answer): Answer {
  return (request, response) => {
    if (request.url === '/v1/hello') {
      json({ ...HELLO, now: new Date().toISOString(), ...hello })(request, response);
    } else if (request.url === '/v1/keys') {
      json({})(request, response);
    } else {
      then(request, response);
    }
  };
}

describe('the agent against a gateway it cannot trust', () => {
  let inside: string;
  const clients: GatewayClient[] = [];
  const skews: number[] = [];

  beforeAll(() => {
    inside = testServices().inside.dir;
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    skews.length = 0;
  });

  const connect = (url: string): GatewayConnection =>
    new GatewayConnection({
      url,
      name: 'sync-gateway.dmz',
      caFile: join(inside, 'tls/crossing-ca.crt'),
      certFile: join(inside, 'tls/agent.crt'),
      keyFile: join(inside, 'tls/agent.key'),
    });
  const client = (url: string): GatewayClient => {
    const made = new GatewayClient(connect(url), SITE, [], (skew) => skews.push(skew));
    clients.push(made);
    return made;
  };
  const ack = { submissionIds: ['0199a1b2-c3d4-7000-8000-000000000001'] };

  it('tells a call that a gateway of before does not have from one that is refused', async () => {
    await using rogue = await RogueGateway.start();
    const asked = client(rogue.url);
    rogue.answer = after({}, json({ type: 'about:blank', title: 'x', status: 404, code: 'not-found' }, 404));
    await expect(asked.readBlobHoldings({ after: null })).rejects.toBeInstanceOf(RouteUnknown);
    rogue.answer = after({}, json({ type: 'about:blank', title: 'x', status: 400, code: 'body-refused' }, 400));
    await expect(asked.readBlobHoldings({ after: null })).rejects.not.toBeInstanceOf(RouteUnknown);
  });

  it.each<[string, Answer]>([
    ['rubbish', (_request, response) => response.end('<html>busy</html>')],
    ['nothing', (_request, response) => response.end()],
    ['bytes that are no text', (_request, response) => response.end(Buffer.from([0x22, 0xff, 0xfe, 0x22]))],
    ['another shape', json({ acked: 'all' })],
    ['more than was asked for', json({ acked: 1, password: 'please' })],
    ['JSON nested too deep', (_request, response) => response.end('['.repeat(2_000) + ']'.repeat(2_000))],
    ['a member that reaches the prototype', (_request, response) => response.end('{"acked":1,"__proto__":{"x":1}}')],
    ['a cut connection', (_request, response) => response.destroy()],
    [
      'half an answer',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '500' });
        response.write('{');
        response.destroy();
      },
    ],
    ['500', json({ type: 'about:blank', title: 'broken', status: 500, code: 'broken' }, 500)],
    ['too many requests', json({}, 429)],
  ])('takes %s for a failure that may pass, and takes nothing from it', async (_name, answer) => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({}, answer);
    await expect(client(gateway.url).ack(ack)).rejects.toBeInstanceOf(Transient);
  });

  it('drops an answer without end at the limit', async () => {
    await using gateway = await RogueGateway.start();
    let sent = 0;
    gateway.answer = after({}, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const chunk = Buffer.alloc(256 * 1024, 0x20);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) {
          sent += chunk.length;
        }
        sent += chunk.length;
      };
      response.on('drain', more);
      response.on('error', () => undefined);
      more();
    });
    await expect(client(gateway.url).ack(ack)).rejects.toMatchObject({ code: 'gateway-answer-too-large' });
    expect(sent).toBeLessThan(2 * LIMITS.gatewayResponseBytes);
  });

  it.each<[string, Answer]>([
    ['silence', () => undefined],
    [
      'one byte now and then',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const drip = setInterval(() => response.write(' '), 50);
        response.on('close', () => {
          clearInterval(drip);
        });
      },
    ],
  ])('ends a call in spite of %s', async (_name, answer) => {
    await using gateway = await RogueGateway.start();
    gateway.answer = answer;
    const connection = connect(gateway.url);
    await expect(connection.post('/v1/hello', {}, 400)).rejects.toMatchObject({ code: 'gateway-too-slow' });
    await connection.close();
  });

  const named = (valid?: [number, number]): SecureContextOptions =>
    strangerPair({ commonName: 'sync-gateway.dmz', ...(valid === undefined ? {} : { valid }) });

  it.each<[string, () => SecureContextOptions, RegExp]>([
    [
      'of another CA',
      () => strangerPair({ commonName: 'sync-gateway.dmz', ca: 'dmz-ca' }),
      /not of the CA in GATEWAY_CA_FILE/,
    ],
    [
      'that signs itself',
      () => strangerPair({ commonName: 'sync-gateway.dmz', ca: 'own' }),
      /not of the CA in GATEWAY_CA_FILE/,
    ],
    ['for another name', () => strangerPair({ commonName: 'sync-agent' }), /for another name than GATEWAY_NAME/],
    ['that is over', () => named([-2, -1]), /over or not yet valid \(CERT_HAS_EXPIRED\)/],
    ['that is not valid yet', () => named([1, 2]), /over or not yet valid \(CERT_NOT_YET_VALID\)/],
    ['over TLS 1.2', () => ({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }), /does not speak TLS 1\.3/],
  ])(
    'sends nothing to a server with a certificate %s, and says what is wrong with it',
    async (_name, differs, says) => {
      await using gateway = await RogueGateway.start(differs());
      gateway.answer = json(HELLO);
      const failure: unknown = await client(gateway.url)
        .hello()
        .catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Transient);
      expect(failure).toMatchObject({ code: 'gateway-unreachable', message: expect.stringMatching(says) });
      expect(gateway.paths).toEqual([]);
    },
  );

  it('control: a server whose certificate differs in nothing is spoken to', async () => {
    await using gateway = await RogueGateway.start(named());
    gateway.answer = json(HELLO);
    await client(gateway.url).hello();
    expect(gateway.paths).toEqual(['/v1/hello']);
  });

  it('says whose certificate may be the cause when the gateway ends the connection', async () => {
    await using gateway = await RogueGateway.start({ ca: readFileSync(join(inside, 'tls/inside-ca.crt')) });
    gateway.answer = json(HELLO);
    await expect(client(gateway.url).hello()).rejects.toMatchObject({
      code: 'gateway-unreachable',
      message: expect.stringContaining("ends the connection at the agent's certificate"),
    });
    expect(gateway.paths).toEqual([]);
  });

  it('has no dealings with the gateway of another site', async () => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({ site: randomUUID() }, json({ acked: 1 }));
    await expect(client(gateway.url).ack(ack)).rejects.toMatchObject({ code: 'gateway-foreign-site' });
    expect(gateway.paths).toEqual(['/v1/hello']);
  });

  it('names both versions when the gateway speaks another protocol, and sends nothing else', async () => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({ versions: [41, 42] }, json({ acked: 1 }));
    const failure: unknown = await client(gateway.url)
      .ack(ack)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Permanent);
    expect(failure).toMatchObject({ code: 'gateway-protocol-refused', message: expect.stringContaining('41, 42') });
    expect(gateway.paths).toEqual(['/v1/hello']);
  });

  it('raises the alarm about clocks that differ, and goes on', async () => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({ now: new Date(Date.now() - 60_000).toISOString() }, json({ acked: 1 }));
    await expect(client(gateway.url).ack(ack)).resolves.toEqual({ acked: 1 });
    expect(skews).toHaveLength(1);
    expect(Math.abs((skews[0] ?? 0) + 60_000)).toBeLessThan(2_000);
  });

  it('greets again after a failure, and only then', async () => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({}, json({ acked: 1 }));
    const calls = client(gateway.url);
    await calls.ack(ack);
    await calls.ack(ack);
    gateway.answer = after({}, json({}, 503));
    await expect(calls.ack(ack)).rejects.toBeInstanceOf(Transient);
    gateway.answer = after({}, json({ acked: 1 }));
    await calls.ack(ack);
    expect(gateway.paths.filter((path) => path === '/v1/hello')).toHaveLength(2);
  });

  it('tells a refusal from an outage by the status, never by the words', async () => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({}, json({ type: 'about:blank', title: 'please try again', status: 422, code: 'no' }, 422));
    await expect(client(gateway.url).ack(ack)).rejects.toBeInstanceOf(Permanent);
  });

  it('believes a conflict only in its exact shape', async () => {
    await using gateway = await RogueGateway.start();
    const push = {
      patientRef: '0'.repeat(32),
      manifest: { kid: '0'.repeat(16), body: '{}', signature: 'A'.repeat(86) },
      sections: [],
      settles: [],
    };
    const problem = { type: 'about:blank', title: 'conflict', status: 409, code: 'chart-conflict' };
    gateway.answer = after({}, json(problem, 409));
    await expect(client(gateway.url).pushChart(push)).rejects.toBeInstanceOf(Transient);
    const chart = { version: { era: 1, seq: 7 }, manifestHash: null, sections: [] };
    gateway.answer = after({}, json({ ...problem, chart, missing: [] }, 409));
    await expect(client(gateway.url).pushChart(push)).rejects.toBeInstanceOf(Conflict);
  });

  it('ends a waiting lease when it is told to stop', async () => {
    await using gateway = await RogueGateway.start();
    gateway.answer = after({}, () => undefined);
    const stop = new AbortController();
    const leased = client(gateway.url).lease({ limit: 1, waitMs: 25_000 }, stop.signal);
    setTimeout(() => {
      stop.abort();
    }, 200);
    await expect(leased).rejects.toBeInstanceOf(Transient);
  });
});
