import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { notRecorded, recordedAnswer, recordedAnswerWith, type SimAnswer } from './recorded-answer.js';
import type { TokenEndpoint } from './token-endpoint.js';

export const SITE = 'default';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DocumentRow = z.object({ name: z.string(), mimetype: z.string(), url: z.string() });

/** The FHIR paths that were recorded and are used: what anybody may ask, and `Binary` with a token. */
export class Fhir {
  constructor(
    private readonly pool: Pool,
    private readonly tokens: TokenEndpoint,
    private readonly siteAddress: string,
    /** where documents' bytes lie, one file each under the last part of its row's `url` */
    private readonly documentsDir: string,
  ) {}

  async answer(site: string, path: string, authorization: string | undefined): Promise<SimAnswer> {
    if (site !== SITE) {
      return this.recorded('oauth2/37-fhir-unknown-site');
    }
    if (path === '.well-known/smart-configuration') {
      return this.recorded('oauth2/02-smart-configuration');
    }
    if (path === 'metadata') {
      return this.recorded('fhir/metadata');
    }
    const uuid = /^Binary\/(.+)$/.exec(path)?.[1];
    return uuid !== undefined && UUID.test(uuid) ? this.binary(uuid, authorization) : notRecorded();
  }

  private async binary(uuid: string, authorization: string | undefined): Promise<SimAnswer> {
    const scopes = this.tokens.scopesOf(/^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '');
    if (scopes === undefined) {
      return this.recorded('oauth2/32-api-bad-token');
    }
    if (!scopes.includes('system/Binary.read')) {
      return this.recorded('oauth2/33-api-missing-scope');
    }
    const [rows] = await this.pool.query<RowDataPacket[]>(
      'SELECT name, mimetype, url FROM documents WHERE uuid = UNHEX(?) AND deleted = 0',
      [uuid.replaceAll('-', '')],
    );
    const document = DocumentRow.safeParse(rows[0]).data;
    if (document === undefined) {
      return this.recorded('fhir/binary-404');
    }
    const file = join(this.documentsDir, basename(document.url));
    return existsSync(file) ? fileAnswer(document.name, document.mimetype, readFileSync(file)) : notRecorded();
  }

  private recorded(name: string): SimAnswer {
    return recordedAnswer(name, this.siteAddress);
  }
}

function fileAnswer(name: string, mimetype: string, bytes: Buffer): SimAnswer {
  const answer = recordedAnswerWith('fhir/binary-1', bytes);
  return {
    ...answer,
    headers: {
      ...answer.headers,
      // PHP sends the bytes of the name as they are.
      'content-disposition': `attachment; filename=${Buffer.from(name).toString('latin1')}`,
      'content-type': mimetype.startsWith('text/') ? `${mimetype};charset=utf-8` : mimetype,
    },
  };
}
