import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import type { System } from '../demo/system.js';
import { listenerOf } from '../zones/zones.js';
import type { Boundary } from './boundary.js';
import { BROWSERS, PAPERS, type BrowserTry } from './expected-matrix.js';
import { papers } from './papers.js';
import type { Row } from './report.js';
import { HOSTS, PUBLIC_NAME } from './topology.js';

const ADMITTED = 'HTTP/1.1 200';
const DMZ = HOSTS['the DMZ host'];

/** The gateway's door, from the agent's host: everybody's hello, with the papers and in the version of the matrix. */
export async function checkPapers({ probers }: Boundary, system: System): Promise<Row[]> {
  const { inside } = system.services;
  const body = JSON.stringify({ v: PROTOCOL_VERSION, site: system.siteId, now: new Date().toISOString() });
  const request = [
    `POST ${GATEWAY_ROUTES.hello} HTTP/1.1`,
    'host: sync-gateway.dmz',
    'content-type: application/json',
    `content-length: ${String(Buffer.byteLength(body))}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
  const rows: Row[] = [];
  for (const { shows, speaks, letIn } of PAPERS) {
    const line = await probers.inside.speak({
      kind: 'tls',
      from: HOSTS['the agent host'].v4,
      to: DMZ.v4,
      port: listenerOf('sync-gateway').port,
      servername: 'sync-gateway.dmz',
      ca: readFileSync(join(inside.dir, 'tls/crossing-ca.crt'), 'utf8'),
      ...(await papers(shows, system.services)),
      version: speaks === 'TLS 1.2' ? 'TLSv1.2' : 'TLSv1.3',
      request,
      renegotiate: false,
    });
    rows.push(row(`the agent host at 8443, ${shows}, ${speaks}`, letIn, line));
  }
  return rows;
}

/** The web proxy's door, from the internet. */
export async function checkBrowsers({ probers }: Boundary, system: System): Promise<Row[]> {
  const from = HOSTS['somebody in the internet'];
  const request = `GET / HTTP/1.1\r\nhost: ${PUBLIC_NAME}\r\nconnection: close\r\n\r\n`;
  const { port } = listenerOf('web-proxy');
  const rows: Row[] = [];
  for (const { does, works } of BROWSERS) {
    const version = VERSIONS[does];
    const line = await probers.internet.speak(
      version === undefined
        ? { kind: 'plain', from: from.v4, to: DMZ.v4, port, request }
        : {
            kind: 'tls',
            from: from.v6,
            to: DMZ.v6,
            port,
            servername: PUBLIC_NAME,
            ca: system.entrance.ca ?? '',
            version,
            request,
            renegotiate: does === 'renegotiation within TLS 1.2',
          },
    );
    rows.push(row(`somebody in the internet at 443, ${does}`, works, line));
  }
  return rows;
}

const VERSIONS: Record<BrowserTry, 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | undefined> = {
  'TLS 1.0': 'TLSv1',
  'TLS 1.1': 'TLSv1.1',
  'TLS 1.2': 'TLSv1.2',
  'TLS 1.3': 'TLSv1.3',
  'renegotiation within TLS 1.2': 'TLSv1.2',
  'plain HTTP': undefined,
};

function row(what: string, admitted: boolean, line: string): Row {
  return {
    what,
    expected: admitted ? 'let in' : 'refused',
    found: line,
    holds: line.startsWith(ADMITTED) === admitted,
  };
}
