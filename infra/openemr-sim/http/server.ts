import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOpenEmrPool, type OpenEmrAccess } from '../connect.js';
import { Fhir, SITE } from './fhir.js';
import { notRecorded, recordedAnswer, type SimAnswer } from './recorded-answer.js';
import { register } from './registration.js';
import { TokenEndpoint } from './token-endpoint.js';

export interface SimHttpOptions {
  database: OpenEmrAccess;
  host: string;
  /** 0 for any */
  port: number;
  certificate: string;
  key: string;
  documentsDir: string;
  /** OpenEMR's "Site Address"; by default where it listens */
  siteAddress?: string;
}

export interface SimHttp extends AsyncDisposable {
  url: string;
  close: () => Promise<void>;
}

/** In every answer, so that nobody takes it for OpenEMR. */
export const SIMULATOR_HEADER = { 'x-simulator': 'OpenEMR SIMULATOR' } as const;
const LARGEST_REQUEST = 256 * 1024;

/** The HTTP side of the OpenEMR SIMULATOR, over the database that its other parts fill. */
export async function startSimHttp(options: SimHttpOptions): Promise<SimHttp> {
  const pool = createOpenEmrPool(options.database);
  const server = createServer({ cert: options.certificate, key: options.key, minVersion: 'TLSv1.2' });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  // An origin has no port where it is that of https.
  const url = new URL(`https://${options.host}:${String((server.address() as AddressInfo).port)}`).origin;
  const siteAddress = options.siteAddress ?? url;
  const tokens = new TokenEndpoint(pool, siteAddress);
  const fhir = new Fhir(pool, tokens, siteAddress, options.documentsDir);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void respond(request, response, (body) => answerTo(request, body));
  });
  const close = async (): Promise<void> => {
    await stop(server);
    await pool.end();
  };
  return { url, close, [Symbol.asyncDispose]: close };

  async function answerTo(request: IncomingMessage, body: string): Promise<SimAnswer> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', siteAddress);
    const [, area, site = '', rest = ''] = /^\/(oauth2|apis)\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
    const { method = '' } = request;
    if (area === 'apis' && rest.startsWith('fhir/') && ['GET', 'POST'].includes(method)) {
      const { authorization } = request.headers;
      return fhir.answer({ method, site, path: rest.slice('fhir/'.length), query, authorization });
    }
    if (area !== 'oauth2' || site !== SITE) {
      return notRecorded();
    }
    switch (`${method} ${rest}`) {
      case 'GET .well-known/openid-configuration':
        return recordedAnswer('oauth2/01-discovery-openid', siteAddress);
      case 'POST registration':
        return register(pool, body, siteAddress);
      case 'POST token':
        return tokens.answer(body);
      default:
        return notRecorded();
    }
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answerTo: (body: string) => Promise<SimAnswer>,
): Promise<void> {
  try {
    const { status, headers, body } = await answerTo(await readText(request));
    response.writeHead(status, { ...headers, ...SIMULATOR_HEADER }).end(body);
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    response
      .writeHead(500, { 'content-type': 'text/plain', ...SIMULATOR_HEADER })
      .end(`OpenEMR SIMULATOR: ${reason}\n`);
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > LARGEST_REQUEST) {
      throw new Error('the request is too large');
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
