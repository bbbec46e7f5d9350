import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt, importJWK, jwtVerify, type JWTPayload } from 'jose';
import type { Pool } from 'mysql2/promise';
import { findOAuthClient, type OAuthClientRow } from './oauth-client-rows.js';
import { notRecorded, recordedAnswer, recordedAnswerWith, type SimAnswer } from './recorded-answer.js';
import { scopeRefusal, unknownScope } from './registration.js';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** Seconds, both as recorded: an assertion that ended 59 s ago is taken, one of 61 s is not. */
const LEEWAY = 60;
const TOKEN_LIFE = 300;

interface Grant {
  scopes: readonly string[];
  endsAt: number;
}

/**
 * The token endpoint for client credentials with a signed assertion, and the tokens it has given; they are forgotten
 * when the simulator ends. Signatures are verified against the registered keys.
 */
export class TokenEndpoint {
  private readonly grants = new Map<string, Grant>();
  /** `client jti` → end of the assertion; one is taken once */
  private readonly seen = new Map<string, number>();

  constructor(
    private readonly pool: Pool,
    private readonly siteAddress: string,
  ) {}

  async answer(body: string): Promise<SimAnswer> {
    const form = new URLSearchParams(body);
    if (form.get('grant_type') !== 'client_credentials') {
      return notRecorded();
    }
    const assertion = form.get('client_assertion');
    if (form.get('client_assertion_type') !== JWT_BEARER || assertion === null) {
      return this.recorded('oauth2/44-cc-client-secret-instead-of-assertion');
    }
    const clientId = claimsOf(assertion)?.sub;
    if (clientId === undefined) {
      return notRecorded();
    }
    const client = await findOAuthClient(this.pool, clientId);
    if (client?.enabled !== true) {
      return this.recorded('oauth2/18-cc-unknown-client');
    }
    const claims = await this.verified(assertion, clientId, client);
    if (claims === undefined || this.isReplayed(clientId, claims)) {
      return this.recorded('oauth2/13-cc-bad-signature');
    }
    return this.grant(client, form.get('scope') ?? '');
  }

  /** The scopes of a token in force; undefined for any other text. */
  scopesOf(token: string): readonly string[] | undefined {
    const grant = this.grants.get(digest(token));
    return grant !== undefined && Date.now() < grant.endsAt ? grant.scopes : undefined;
  }

  /** Less than asked is granted without an error; only a scope that OpenEMR does not know at all is refused. */
  private grant(client: OAuthClientRow, asked: string): SimAnswer {
    const scopes = asked === '' ? [] : asked.split(' ');
    const unknown = unknownScope(scopes);
    if (unknown !== undefined) {
      return scopeRefusal('oauth2/21-cc-unknown-scope', 'system/Bogus.read', unknown, this.siteAddress);
    }
    const granted = scopes.filter((scope) => client.scopes.includes(scope));
    const token = randomBytes(48).toString('base64url');
    this.grants.set(digest(token), { scopes: granted, endsAt: Date.now() + TOKEN_LIFE * 1000 });
    return recordedAnswerWith(
      'oauth2/11-cc-ok',
      JSON.stringify({ scope: granted.join(' '), token_type: 'Bearer', expires_in: TOKEN_LIFE, access_token: token }),
    );
  }

  /** Every registered key is tried, because OpenEMR takes an assertion whose `kid` it does not know. */
  private async verified(
    assertion: string,
    clientId: string,
    { keys }: OAuthClientRow,
  ): Promise<JWTPayload | undefined> {
    for (const key of keys) {
      try {
        const { payload } = await jwtVerify(assertion, await importJWK(key, 'RS384'), {
          algorithms: ['RS384'],
          issuer: clientId,
          subject: clientId,
          audience: `${this.siteAddress}/oauth2/default/token`,
          clockTolerance: LEEWAY,
        });
        return payload;
      } catch {
        // the next key
      }
    }
    return undefined;
  }

  private isReplayed(clientId: string, { jti, exp }: JWTPayload): boolean {
    if (jti === undefined) {
      return false;
    }
    const now = Date.now() / 1000;
    for (const [name, end] of this.seen) {
      if (end + LEEWAY < now) {
        this.seen.delete(name);
      }
    }
    const name = `${clientId} ${jti}`;
    const replayed = this.seen.has(name);
    this.seen.set(name, exp ?? Number.POSITIVE_INFINITY);
    return replayed;
  }

  private recorded(name: string): SimAnswer {
    return recordedAnswer(name, this.siteAddress);
  }
}

function claimsOf(assertion: string): JWTPayload | undefined {
  try {
    return decodeJwt(assertion);
  } catch {
    return undefined;
  }
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
