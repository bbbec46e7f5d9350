import { readFileSync } from 'node:fs';
import type { OpenEmrApiConfig } from '../config.js';
import { readClientKey } from '../keys/client-key.js';
import { AccessTokens } from './access-token.js';
import { CapabilityStatement, DocRefAnswer, SmartConfiguration, readJson, refusedAnswer } from './api-answers.js';
import { ApiConnection, type ApiAnswer, type ApiRequest } from './api-connection.js';
import { API_FAILURES, OpenEmrPermanent } from './api-failures.js';

/** What the bytes of documents take. Everything else the agent reads and writes in the database. */
export const OPENEMR_SCOPES = ['system/Binary.read'] as const;
/** What it takes that OpenEMR makes a C-CDA. */
export const CCD_SCOPES = ['system/DocumentReference.$docref'] as const;
/** All that the client of this agent is registered for. */
export const scopesOf = ({ ccd }: Pick<OpenEmrApiConfig, 'ccd'>): readonly string[] =>
  ccd === true ? [...OPENEMR_SCOPES, ...CCD_SCOPES] : OPENEMR_SCOPES;

const TIMEOUT = 30_000;
const DOCUMENT_TIMEOUT = 120_000;
const DESCRIPTION_BYTES = 2 * 1024 * 1024;
const ERROR_BYTES = 64 * 1024;

/** What OpenEMR says of itself to anybody. */
export interface ServerDescription {
  software: string;
  /** null: OpenEMR 8.2 does not tell; the database's `version` table does */
  version: string | null;
  fhirVersion: string;
  /** the audience OpenEMR expects in assertions; has to be our own token URL */
  tokenEndpoint: string;
  clientCredentials: boolean;
  /** OpenEMR's web server's clock minus ours, milliseconds, exact to about a second; null when it tells none */
  skewMs: number | null;
}

export interface DocumentBytes {
  bytes: Buffer;
  contentType: string;
}

/**
 * OpenEMR's HTTP API as far as it is used. Every call ends within its time with a checked answer, an
 * `OpenEmrTransient` or an `OpenEmrPermanent`. C-CDAs have tokens of their own, so that documents' bytes go on where their
 * scope is not granted.
 */
export class OpenEmrApi {
  private constructor(
    private readonly connection: ApiConnection,
    private readonly tokens: AccessTokens,
    private readonly ccdTokens: AccessTokens,
    private readonly site: string,
  ) {}

  /** Opens no connection yet. @throws KeysIncomplete, OpenEmrPermanent when no client is registered */
  static async open(config: OpenEmrApiConfig, scopes: readonly string[] = OPENEMR_SCOPES): Promise<OpenEmrApi> {
    const clientId = readClientId(config.clientIdFile);
    if (clientId === undefined) {
      throw new OpenEmrPermanent(
        API_FAILURES.notRegistered,
        `${config.clientIdFile} holds no client id: run \`register\``,
      );
    }
    const key = await readClientKey(config.keyDir);
    const connection = new ApiConnection(config.url, config.caFile);
    const tokensFor = (asked: readonly string[]): AccessTokens =>
      new AccessTokens(connection, { clientId, key, site: config.site, scopes: asked });
    return new OpenEmrApi(connection, tokensFor(scopes), tokensFor(CCD_SCOPES), config.site);
  }

  /** Gets a token, or uses the present one: it proves client, key, clock and scopes. @throws OpenEmrTransient, OpenEmrPermanent */
  async proveAccess(): Promise<void> {
    await this.tokens.get();
  }

  /** The same for C-CDAs. @throws OpenEmrTransient, OpenEmrPermanent */
  async proveCcdAccess(): Promise<void> {
    await this.ccdTokens.get();
  }

  /** @throws OpenEmrTransient, OpenEmrPermanent */
  describe(): Promise<ServerDescription> {
    return describeServer(this.connection, this.site);
  }

  /** The bytes of a document by its uuid. @throws OpenEmrTransient, OpenEmrPermanent: missing, or larger than `limit` bytes */
  async readDocument(uuid: string, limit: number): Promise<DocumentBytes> {
    const path = `/apis/${this.site}/fhir/Binary/${encodeURIComponent(uuid)}`;
    const answer = await this.authorized(this.tokens, { method: 'GET', path, limit: Math.max(limit, ERROR_BYTES) });
    if (answer.status === 404) {
      throw new OpenEmrPermanent(API_FAILURES.documentMissing, 'OpenEMR has no such document, or no longer');
    }
    if (answer.status !== 200) {
      throw refusedAnswer('a document', answer);
    }
    // A sign-in or maintenance page is a 200 too; files alone come as attachments.
    if (!/^attachment\b/i.test(headerOf(answer, 'content-disposition'))) {
      throw new OpenEmrPermanent(
        API_FAILURES.answer,
        'OpenEMR answered a document with a page: check that OPENEMR_URL is the address of OpenEMR itself',
      );
    }
    if (answer.bytes.length > limit) {
      throw new OpenEmrPermanent(API_FAILURES.tooLarge, `the document is larger than ${String(limit)} bytes`);
    }
    return { bytes: answer.bytes, contentType: headerOf(answer, 'content-type') };
  }

  /**
   * Has OpenEMR make its C-CDA of a patient, which it files as a document (US Core `$docref`). It is not repeatable without
   * a trace: every call that arrives files another.
   * @param range care between these days `yyyy-MM-dd`, both inclusive; null is open
   * @returns the document's uuid @throws OpenEmrTransient, OpenEmrPermanent
   */
  async makeCcd(patientUuid: string, range: { start: string | null; end: string | null }): Promise<string> {
    const query = new URLSearchParams({ patient: patientUuid });
    for (const [name, value] of Object.entries(range)) {
      if (value !== null) {
        query.set(name, value);
      }
    }
    const path = `/apis/${this.site}/fhir/DocumentReference/$docref?${query.toString()}`;
    const answer = await this.authorized(this.ccdTokens, { method: 'POST', path, limit: DESCRIPTION_BYTES });
    if (answer.status !== 200) {
      throw refusedAnswer('the request for a C-CDA', answer);
    }
    const [{ resource }] = readJson('a C-CDA', DocRefAnswer, answer).entry;
    if (resource.subject !== undefined && !resource.subject.reference.endsWith(`Patient/${patientUuid}`)) {
      throw new OpenEmrPermanent(API_FAILURES.answer, 'OpenEMR answered with the C-CDA of another patient');
    }
    return resource.content[0].attachment.url.slice(-patientUuid.length);
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** One token may have been revoked, or OpenEMR restarted; two in a row mean that the client is. */
  private async authorized(
    tokens: AccessTokens,
    call: Pick<ApiRequest, 'method' | 'path' | 'limit'>,
  ): Promise<ApiAnswer> {
    for (const last of [false, true]) {
      const token = await tokens.get();
      const answer = await this.connection.exchange({
        ...call,
        headers: { authorization: `Bearer ${token}` },
        timeout: DOCUMENT_TIMEOUT,
      });
      if (answer.status !== 401) {
        return answer;
      }
      tokens.drop(token);
      if (last) {
        break;
      }
    }
    throw new OpenEmrPermanent(
      API_FAILURES.tokenRefused,
      'OpenEMR refuses a token that it has just given: check that the API client is still enabled',
    );
  }
}

/** The client id `register` stored; undefined when there is none. */
export function readClientId(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return /^[\w-]{10,80}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Needs no client: asked before and after registering. @throws OpenEmrTransient, OpenEmrPermanent */
export async function describeServer(connection: ApiConnection, site: string): Promise<ServerDescription> {
  const [metadata] = await readPublic(connection, site, 'metadata');
  const [configuration, skewMs] = await readPublic(connection, site, '.well-known/smart-configuration');
  const { software, fhirVersion } = readJson('what it can do', CapabilityStatement, metadata);
  const smart = readJson('its sign-in addresses', SmartConfiguration, configuration);
  return {
    software: software.name,
    version: software.version ?? null,
    fhirVersion,
    tokenEndpoint: smart.token_endpoint,
    clientCredentials: smart.grant_types_supported.includes('client_credentials'),
    skewMs,
  };
}

async function readPublic(connection: ApiConnection, site: string, path: string): Promise<[ApiAnswer, number | null]> {
  const sentAt = Date.now();
  const answer = await connection.exchange({
    method: 'GET',
    path: `/apis/${site}/fhir/${path}`,
    headers: { accept: 'application/json' },
    timeout: TIMEOUT,
    limit: DESCRIPTION_BYTES,
  });
  if (answer.status === 400) {
    throw new OpenEmrPermanent(
      API_FAILURES.site,
      `OpenEMR has no site "${site}": set OPENEMR_SITE to its folder's name`,
    );
  }
  if (answer.status !== 200) {
    throw refusedAnswer('what it can do', answer);
  }
  const theirs = Date.parse(headerOf(answer, 'date'));
  return [answer, Number.isNaN(theirs) ? null : Math.round(theirs - (sentAt + Date.now()) / 2)];
}

function headerOf({ headers }: ApiAnswer, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
