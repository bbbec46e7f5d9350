import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ClientKey } from '../keys/client-key.js';
import type { ApiAnswer, ApiConnection } from './api-connection.js';
import { OAuthError, TokenAnswer, jsonOf, readJson, refusedAnswer } from './api-answers.js';
import { API_FAILURES, OpenEmrPermanent, type OpenEmrTransient } from './api-failures.js';

/** SMART Backend Services allows an assertion at most five minutes; the rest is for a clock that is behind. */
const ASSERTION_LIFE = 240;
/** A token is renewed this long before its end, so that none runs out on its way. Milliseconds. */
const RENEWAL = 30_000;
const TIMEOUT = 15_000;
const ANSWER_BYTES = 64 * 1024;
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface AccessToken {
  value: string;
  /** on the monotonic clock: setting the host's time neither shortens nor stretches it */
  renewAt: number;
}

/** A client of OpenEMR's OAuth2 server and what it asks for. */
export interface OAuthClient {
  clientId: string;
  key: ClientKey;
  site: string;
  scopes: readonly string[];
}

/**
 * Access tokens by client credentials with a signed assertion (RFC 7523, SMART Backend Services, RS384). One token is
 * kept and shared until shortly before its end; who asks meanwhile waits for the one request in flight. A token with
 * less than the asked scopes is not used, because OpenEMR grants less without an error. Neither token nor assertion
 * appears in a message, a log or a printed object.
 */
export class AccessTokens {
  #current: AccessToken | undefined;
  #pending: Promise<AccessToken> | undefined;

  constructor(
    private readonly connection: ApiConnection,
    private readonly client: OAuthClient,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get tokenUrl(): string {
    return `${this.connection.origin}${this.path}`;
  }

  /** @throws OpenEmrTransient, OpenEmrPermanent */
  async get(): Promise<string> {
    if (this.#current !== undefined && this.now() < this.#current.renewAt) {
      return this.#current.value;
    }
    this.#pending ??= this.obtain().finally(() => {
      this.#pending = undefined;
    });
    return (await this.#pending).value;
  }

  /** A token that OpenEMR refused is not used again. */
  drop(value: string): void {
    if (this.#current?.value === value) {
      this.#current = undefined;
    }
  }

  private get path(): string {
    return `/oauth2/${this.client.site}/token`;
  }

  private async obtain(): Promise<AccessToken> {
    const sentAt = this.now();
    const answer = await this.connection.exchange({
      method: 'POST',
      path: this.path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: JWT_BEARER,
        client_assertion: await this.assertion(),
        scope: this.client.scopes.join(' '),
      }).toString(),
      timeout: TIMEOUT,
      limit: ANSWER_BYTES,
    });
    if (answer.status !== 200) {
      throw tokenRefusal(answer);
    }
    const { access_token: value, expires_in: seconds, scope } = readJson('the access token', TokenAnswer, answer);
    this.requireScopes(scope);
    this.#current = { value, renewAt: sentAt + seconds * 1000 - RENEWAL };
    return this.#current;
  }

  /** Without `iat` and `nbf`: a clock that is ahead of OpenEMR's then does no harm. */
  private assertion(): Promise<string> {
    const { clientId, key } = this.client;
    return new SignJWT()
      .setProtectedHeader({ alg: 'RS384', kid: key.kid, typ: 'JWT' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(this.tokenUrl)
      .setJti(randomUUID())
      .setExpirationTime(Math.floor(Date.now() / 1000) + ASSERTION_LIFE)
      .sign(key.privateKey);
  }

  private requireScopes(granted: string): void {
    const has = new Set(granted.split(' '));
    const missing = this.client.scopes.filter((scope) => !has.has(scope));
    if (missing.length > 0) {
      throw new OpenEmrPermanent(
        API_FAILURES.scopeMissing,
        `OpenEMR does not grant the API client ${missing.join(', ')}: in OpenEMR, Admin → System → API Clients, ` +
          'disable it, then run `register --again` and enable the new one',
      );
    }
  }
}

/** OpenEMR's body never says why: unknown and disabled clients are 401, everything about the assertion is 400. */
function tokenRefusal(answer: ApiAnswer): OpenEmrTransient | OpenEmrPermanent {
  const { error } = OAuthError.safeParse(jsonOf(answer.bytes)).data ?? { error: '' };
  if (answer.status === 401 && error === 'invalid_client') {
    return new OpenEmrPermanent(
      API_FAILURES.clientDisabled,
      'OpenEMR does not know the API client or it is not enabled: in OpenEMR, Admin → System → API Clients, open it and press "Enable Client"',
    );
  }
  if (answer.status === 400 && error === 'invalid_client') {
    return new OpenEmrPermanent(
      API_FAILURES.assertion,
      "OpenEMR does not accept the API client's signature: set this host's clock, check that OPENEMR_URL is the address that " +
        "OpenEMR has for itself (Site Address), and that the key folder's client key is the registered one",
    );
  }
  if (answer.status === 400 && error === 'invalid_scope') {
    return new OpenEmrPermanent(
      API_FAILURES.scopeUnknown,
      'this OpenEMR does not know a scope that the agent needs: update OpenEMR to a supported version',
    );
  }
  return refusedAnswer('the request for an access token', answer);
}
