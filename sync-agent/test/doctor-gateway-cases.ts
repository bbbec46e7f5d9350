import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ACCEPTED_PROTOCOL_VERSIONS } from 'sync-contract/protocol';
import { newSigningPair } from 'sync-contract/signed';
import type { DoctorUnderTest, Made, Misconfiguration } from './doctor-under-test.js';

/** Leads the agent to a server that is not the gateway. */
async function instead(server: Server): Promise<Made> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    environment: { GATEWAY_URL: `https://127.0.0.1:${String(port)}` },
    undo: async () => {
      const closed = once(server, 'close');
      server.close();
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
  };
}

/** PEM of the healthy gateway's pair, or of another. */
function gatewayPair(inside: DoctorUnderTest, days?: number): { cert: string; key: string } {
  const files =
    days === undefined
      ? { cert: `${inside.services.dmz.dir}/tls/gateway.crt`, key: `${inside.services.dmz.dir}/tls/gateway.key` }
      : inside.pair({ name: 'sync-gateway.dmz', days });
  return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
}

const crossingCa = (inside: DoctorUnderTest): string => readFileSync(inside.path('tls/crossing-ca.crt'), 'utf8');

/** Fake: a gateway with the right certificate that answers every call with this. */
function fakeGateway(inside: DoctorUnderTest, status: number, answer: () => object): Promise<Made> {
  const options = { ...gatewayPair(inside), ca: crossingCa(inside), requestCert: true, minVersion: 'TLSv1.3' } as const;
  return instead(
    createHttpsServer(options, (request, response) => {
      request.resume().once('end', () => {
        response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
        response.end(JSON.stringify(answer()));
      });
    }),
  );
}

const helloAnswer = (inside: DoctorUnderTest, differs: { versions?: number[]; ahead?: number }): object => ({
  versions: differs.versions ?? [...ACCEPTED_PROTOCOL_VERSIONS],
  site: inside.environment['SITE_ID'],
  now: new Date(Date.now() + (differs.ahead ?? 0)).toISOString(),
  heartbeat: null,
  restored: false,
});

function asAgent(inside: DoctorUnderTest, from: { ca?: string; name: string }): Made {
  const { cert, key } = inside.pair({ ...from, days: 90 });
  return { environment: { AGENT_CERT_FILE: cert, AGENT_KEY_FILE: key } };
}

export const GATEWAY_CASES: readonly Misconfiguration[] = [
  {
    name: 'nothing where the gateway should be',
    make: () => ({ environment: { GATEWAY_URL: 'https://127.0.0.1:1' } }),
    finds: ['gateway-unreachable'],
    says: /ECONNREFUSED/,
  },
  {
    name: 'a gateway of another CA',
    make: (inside) => ({ environment: { GATEWAY_CA_FILE: inside.path('tls/inside-ca.crt') } }),
    finds: ['gateway-certificate-refused'],
    says: /not of the CA/,
  },
  {
    name: 'a gateway of another name',
    make: () => ({ environment: { GATEWAY_NAME: 'sync-gateway.elsewhere' } }),
    finds: ['gateway-name-wrong'],
    says: /sync-gateway\.elsewhere/,
  },
  {
    name: 'a gateway whose certificate is over',
    make: (inside) => instead(createTlsServer(gatewayPair(inside, -1))),
    finds: ['gateway-certificate-over'],
    says: /CERT_HAS_EXPIRED/,
  },
  {
    name: 'a gateway whose certificate ends soon',
    make: (inside) => {
      const { cert, key } = gatewayPair(inside, 5);
      return inside.gateway({ tls: { certificate: cert, key, agentCa: crossingCa(inside) } });
    },
    finds: ['certificate-ends-soon'],
    says: /^the gateway's certificate ends at/,
  },
  {
    name: 'something in between that speaks TLS 1.2',
    make: (inside) => instead(createTlsServer({ ...gatewayPair(inside), maxVersion: 'TLSv1.2' })),
    finds: ['gateway-tls-old'],
    says: /TLS 1\.3/,
  },
  {
    name: 'a server without TLS',
    make: () => instead(createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    finds: ['gateway-tls-old'],
    says: /TLS 1\.3/,
  },
  {
    name: 'an agent certificate of another name',
    make: (inside) => asAgent(inside, { name: 'somebody-else' }),
    finds: ['gateway-refuses-agent'],
    says: /agent's certificate/,
  },
  {
    name: 'an agent certificate of another CA',
    make: (inside) => asAgent(inside, { ca: 'inside-ca', name: 'sync-agent' }),
    finds: ['gateway-refuses-agent'],
    says: /agent's certificate/,
  },
  {
    name: 'a gateway of another site',
    make: (inside) => inside.gateway({ siteId: randomUUID() }),
    finds: ['gateway-foreign-site'],
    says: /another site/,
  },
  {
    name: 'a gateway that pins another root',
    make: (inside) => inside.gateway({ rootPublicKey: newSigningPair().publicKey }),
    finds: ['gateway-root-key'],
    says: /another root key/,
  },
  {
    name: 'a DMZ whose clock is a minute ahead',
    make: (inside) => fakeGateway(inside, 200, () => helloAnswer(inside, { ahead: 60_000 })),
    // The fake answers every call alike, also the one that hands over the keys.
    finds: ['gateway-clock', 'gateway-failing'],
    says: /(59|60)\.\d s ahead of/,
  },
  {
    name: 'a gateway of another protocol',
    make: (inside) => fakeGateway(inside, 200, () => helloAnswer(inside, { versions: [9] })),
    finds: ['gateway-protocol'],
    says: /no version/,
  },
  {
    name: 'a gateway that has lost its database',
    make: (inside) => fakeGateway(inside, 500, () => ({ code: 'unexpected' })),
    finds: ['gateway-failing'],
    says: /answered hello with 500/,
  },
];
