import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { notRecorded, recordedAnswer, recordedAnswerWith, type SimAnswer } from './recorded-answer.js';
import { simulateDocRef } from './simulated-ccda.js';
import type { TokenEndpoint } from './token-endpoint.js';

export const SITE = 'default';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DocumentRow = z.object({ name: z.string(), mimetype: z.string(), url: z.string() });

export interface FhirRequest {
  method: string;
  site: string;
  /** below `fhir/` */
  path: string;
  query: URLSearchParams;
  authorization: string | undefined;
}

/** The FHIR paths that are used: what anybody may ask, and with a token `Binary`, both as recorded, and `$docref`. */
export class Fhir {
  constructor(
    private readonly pool: Pool,
    private readonly tokens: TokenEndpoint,
    private readonly siteAddress: string,
    /** where documents' bytes lie, one file each under the last part of its row's `url` */
    private readonly documentsDir: string,
  ) {}

  async answer({ method, site, path, query, authorization }: FhirRequest): Promise<SimAnswer> {
    if (site !== SITE) {
      return this.recorded('oauth2/37-fhir-unknown-site');
    }
    if (method === 'POST') {
      return path === 'DocumentReference/$docref' ? this.docref(query, authorization) : notRecorded();
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

  /** @returns the refusal of a token that lacks the scope; undefined when it has it */
  private refusal(scope: string, authorization: string | undefined): SimAnswer | undefined {
    const scopes = this.tokens.scopesOf(/^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '');
    if (scopes === undefined) {
      return this.recorded('oauth2/32-api-bad-token');
    }
    return scopes.includes(scope) ? undefined : this.recorded('oauth2/33-api-missing-scope');
  }

  private async docref(query: URLSearchParams, authorization: string | undefined): Promise<SimAnswer> {
    const refused = this.refusal('system/DocumentReference.$docref', authorization);
    if (refused !== undefined) {
      return refused;
    }
    const patientUuid = query.get('patient');
    if (patientUuid === null) {
      return this.recorded('fhir/documentreference-docref');
    }
    const asked = { patientUuid, start: query.get('start'), end: query.get('end') };
    return (await simulateDocRef(this.pool, this.documentsDir, this.siteAddress, asked)) ?? notRecorded();
  }

  private async binary(uuid: string, authorization: string | undefined): Promise<SimAnswer> {
    const refused = this.refusal('system/Binary.read', authorization);
    if (refused !== undefined) {
      return refused;
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
