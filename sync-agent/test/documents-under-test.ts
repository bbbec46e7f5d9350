import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'mysql2/promise';
import { z } from 'zod';
import { enableApiClient } from 'infra/openemr-sim/clinic-api-clients';
import { addDocument, type NewDocument } from 'infra/openemr-sim/clinic-documents';
import { startSimHttp, type SimHttp, type SimHttpOptions } from 'infra/openemr-sim/http/server';
import { BlobSeal, openBlob } from 'sync-contract/blob';
import { DocumentsContent, type DocumentContent, type Resource } from 'sync-contract/section-content';
import { ResourceIds } from '../src/chart/resource-id.js';
import type { OpenEmrApiConfig } from '../src/config.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { registerAtOpenEmr } from '../src/setup/register-at-openemr.js';
import { AgentUnderTest, until } from './agent-under-test.js';

/** OpenEMR's HTTP side over the database that the agent reads. */
export class DocumentsUnderTest implements AsyncDisposable {
  private constructor(
    readonly under: AgentUnderTest,
    readonly folder: string,
    private readonly options: SimHttpOptions,
    private http: SimHttp | null,
    readonly api: OpenEmrApiConfig,
  ) {}

  /** @param ccd whether the practice offers C-CDAs */
  static async start(label: string, ccd = false): Promise<DocumentsUnderTest> {
    const under = await AgentUnderTest.start(label);
    const folder = mkdtempSync(join(tmpdir(), 'openemr-documents-'));
    const { mariadb, secretFile, dir } = under.zones.inside;
    const options: SimHttpOptions = {
      database: {
        ...mariadb,
        database: under.databases.openemr,
        user: 'openemr',
        passwordFile: secretFile('openemr'),
      },
      host: '127.0.0.1',
      port: 0,
      certificate: readFileSync(join(dir, 'tls/openemr.crt'), 'utf8'),
      key: readFileSync(join(dir, 'tls/openemr.key'), 'utf8'),
      documentsDir: folder,
    };
    const http = await startSimHttp(options);
    const { keyDir } = under.config;
    const api = {
      url: http.url,
      site: 'default',
      caFile: join(dir, 'tls/inside-ca.crt'),
      clientIdFile: join(keyDir, 'openemr-client.id'),
      keyDir,
      ccd,
    };
    const { clientId } = await registerAtOpenEmr(api, { contact: 'ops@example.org' });
    await enableApiClient(under.clinic, clientId, true);
    under.config.openemrApi = api;
    return new DocumentsUnderTest(under, folder, options, http, api);
  }

  async stopOpenEmr(): Promise<void> {
    await this.http?.close();
    this.http = null;
  }

  async startOpenEmr(): Promise<void> {
    this.http = await startSimHttp({ ...this.options, port: Number(new URL(this.api.url).port) });
  }

  async file(pid: number, bytes: Buffer, given: Partial<NewDocument> = {}): Promise<{ id: number; uuid: string }> {
    const document = { pid, name: 'letter.pdf', mimetype: 'application/pdf', bytes, ...given };
    return addDocument(this.under.clinic, this.folder, document);
  }

  documentId(id: number): string {
    return new ResourceIds(this.under.keys.resourceIdKey).id('documents', id);
  }

  async list(patientRef: string): Promise<DocumentsContent | null> {
    const section = (await this.under.stored(patientRef, 'documents'))?.sections.get('documents');
    return section === undefined ? null : DocumentsContent.parse(section);
  }

  async resource(patientRef: string, id: number): Promise<Resource | undefined> {
    return (await this.list(patientRef))?.resources.find((each) => each.id === this.documentId(id));
  }

  async content(patientRef: string, id: number): Promise<DocumentContent | undefined> {
    return (await this.list(patientRef))?.contents.find((each) => each.documentId === this.documentId(id));
  }

  async inState(patientRef: string, id: number, state: DocumentContent['state']): Promise<DocumentContent> {
    let found: DocumentContent | undefined;
    await until(`the list says ${state}`, async () => {
      found = await this.content(patientRef, id);
      return found?.state === state;
    });
    if (found === undefined) {
      throw new Error('until waited for nothing');
    }
    return found;
  }

  /** The bytes as portal-api would open them. */
  async opened(patientRef: string, content: DocumentContent): Promise<Buffer> {
    if (content.state !== 'held') {
      throw new Error('the list names no bytes');
    }
    const { key, blobId, size } = content;
    const header = { site: this.under.config.siteId, patientRef, blobId };
    const seal = new BlobSeal(Buffer.from(key, 'base64url'), header, size);
    const parts: Buffer[] = [];
    for await (const part of openBlob(seal, content, this.chunks(blobId))) {
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  private async *chunks(blobId: string): AsyncGenerator<Buffer> {
    const rows: unknown = await this.under.portal.query(
      'SELECT sealed FROM document_chunk WHERE blob_id = UNHEX(?) ORDER BY n',
      [blobId],
    );
    yield* z
      .array(z.object({ sealed: z.instanceof(Buffer) }))
      .parse(rows)
      .map(({ sealed }) => sealed);
  }

  /** Ids of the blobs that the DMZ has of a chart. */
  async stored(patientRef: string): Promise<string[]> {
    const rows: unknown = await this.under.portal.query(
      'SELECT LOWER(HEX(blob_id)) AS id FROM document_blob WHERE patient_ref = UNHEX(?) ORDER BY blob_id',
      [patientRef],
    );
    return z
      .array(z.object({ id: z.string() }))
      .parse(rows)
      .map(({ id }) => id);
  }

  /** OpenEMR's database as the agent reads it. */
  reader(): Pool {
    const { database, reader } = this.under.config;
    const { host, port, caFile, openemrName } = database;
    return createOpenEmrPool({ host, port, caFile, database: openemrName, ...reader, connectionLimit: 2 });
  }

  /** Of the gateway, beside the agent's own. */
  gateway(): GatewayClient {
    const { config, keys } = this.under;
    return new GatewayClient(new GatewayConnection(config.gateway), config.siteId, keys.statements, () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.under[Symbol.asyncDispose]();
    await this.stopOpenEmr();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
