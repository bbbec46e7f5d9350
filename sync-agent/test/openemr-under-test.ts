import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { enableApiClient } from 'infra/openemr-sim/clinic-api-clients';
import type { Recording } from 'infra/openemr-sim/http/recorded-answer';
import { startSimHttp, type SimHttp, type SimHttpOptions } from 'infra/openemr-sim/http/server';
import { loadPractice } from 'infra/openemr-sim/practice';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import type { OpenEmrApiConfig } from '../src/config.js';
import { ensureClientKey } from '../src/keys/client-key.js';
import { openClinic } from './agent-under-test.js';

/** The OpenEMR simulator's HTTP side over a database of its own, and a folder for the agent's client. */
export class SimulatedOpenEmr implements AsyncDisposable {
  private constructor(
    readonly databases: TestDatabases,
    readonly clinic: Connection,
    readonly documentsDir: string,
    readonly keyDir: string,
    private readonly options: SimHttpOptions,
    private http: SimHttp,
  ) {}

  static async start(label: string, siteAddress?: string): Promise<SimulatedOpenEmr> {
    const databases = await createTestDatabases(label);
    const clinic = await openClinic(testServices(), databases.openemr);
    await createOpenEmrSchema(clinic);
    await loadPractice(clinic);
    const documentsDir = mkdtempSync(join(tmpdir(), 'openemr-documents-'));
    const keyDir = mkdtempSync(join(tmpdir(), 'agent-keys-'));
    const { mariadb, secretFile, dir } = testServices().inside;
    const options: SimHttpOptions = {
      database: { ...mariadb, database: databases.openemr, user: 'openemr', passwordFile: secretFile('openemr') },
      host: '127.0.0.1',
      port: 0,
      certificate: readFileSync(join(dir, 'tls/openemr.crt'), 'utf8'),
      key: readFileSync(join(dir, 'tls/openemr.key'), 'utf8'),
      documentsDir,
      siteAddress,
    };
    return new SimulatedOpenEmr(databases, clinic, documentsDir, keyDir, options, await startSimHttp(options));
  }

  get url(): string {
    return this.http.url;
  }

  get config(): OpenEmrApiConfig {
    return apiConfig(this.url, this.keyDir);
  }

  async enable(clientId: string, enabled = true): Promise<void> {
    await enableApiClient(this.clinic, clientId, enabled);
  }

  /** At the address it had; the tokens it gave are forgotten. */
  async restart(): Promise<void> {
    const port = Number(new URL(this.url).port);
    await this.http.close();
    this.http = await startSimHttp({ ...this.options, port });
  }

  async clients(): Promise<number> {
    const [rows] = await this.clinic.query('SELECT client_id FROM oauth_clients');
    return (rows as unknown[]).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http.close();
    await this.clinic.end();
    rmSync(this.documentsDir, { recursive: true, force: true });
    rmSync(this.keyDir, { recursive: true, force: true });
    await this.databases.drop();
  }
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** Stands where OpenEMR should be and does whatever a test makes it do. */
export class RogueOpenEmr implements AsyncDisposable {
  readonly requests: { path: string; body: string; authorization: string | undefined }[] = [];
  readonly keyDir = mkdtempSync(join(tmpdir(), 'agent-keys-'));
  answer: Answer = () => undefined;

  private constructor(private readonly server: Server) {
    ensureClientKey(this.keyDir);
    writeFileSync(join(this.keyDir, 'openemr-client.id'), 'a-client-of-this-test');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        this.requests.push({ path: request.url ?? '', body, authorization: request.headers.authorization });
        this.answer(request, response, body);
      });
    });
  }

  /** @param certificate below the inside's `tls`, without ending */
  static async start(certificate = 'openemr'): Promise<RogueOpenEmr> {
    const file = join(testServices().inside.dir, 'tls', certificate);
    const server = createServer({ cert: readFileSync(`${file}.crt`), key: readFileSync(`${file}.key`) });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    return new RogueOpenEmr(server);
  }

  get config(): OpenEmrApiConfig {
    return apiConfig(`https://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`, this.keyDir);
  }

  asked(path: string): number {
    return this.requests.filter((request) => request.path === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.keyDir, { recursive: true, force: true });
  }
}

function apiConfig(url: string, keyDir: string): OpenEmrApiConfig {
  const caFile = join(testServices().inside.dir, 'tls/inside-ca.crt');
  return { url, site: 'default', caFile, clientIdFile: join(keyDir, 'openemr-client.id'), keyDir };
}

/** The recorded answer as OpenEMR sent it; what was taken out of the recording stands as another value. */
export function replay({ response: recorded }: Recording): Answer {
  return (_request, response) => {
    const { 'content-length': _length, ...headers } = recorded.headers;
    const body = typeof recorded.body === 'string' ? recorded.body : JSON.stringify(recorded.body);
    response
      .writeHead(recorded.status, headers)
      .end(body.replaceAll('<redacted>', () => randomBytes(24).toString('hex')));
  };
}

export const TOKEN_PATH = '/oauth2/default/token';

export function answerJson(value: unknown, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}

/** Grants whatever is asked, and answers everything else with `then`. */
export function granting(token: string, then: Answer): Answer {
  return (request, response, body) => {
    if (request.url === TOKEN_PATH) {
      const scope = new URLSearchParams(body).get('scope');
      answerJson({ scope, token_type: 'Bearer', expires_in: 300, access_token: token })(request, response, body);
    } else {
      then(request, response, body);
    }
  };
}
