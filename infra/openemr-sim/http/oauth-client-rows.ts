import type { Pool, RowDataPacket } from 'mysql2/promise';
import type { JWK } from 'jose';
import { z } from 'zod';

/** A row of `oauth_clients`, as far as the token endpoint looks at it. */
export interface OAuthClientRow {
  enabled: boolean;
  scopes: readonly string[];
  keys: readonly JWK[];
}

export interface NewOAuthClient {
  clientId: string;
  name: string;
  clientSecret: string;
  registrationToken: string;
  registrationPath: string;
  contacts: readonly string[];
  redirectUris: readonly string[];
  scope: string;
  jwks: string;
}

const Jwk = z.looseObject({ kty: z.string() });
const Row = z.object({
  is_enabled: z.number(),
  scope: z.string(),
  jwks: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.object({ keys: z.array(Jwk) })),
});

export async function findOAuthClient(pool: Pool, clientId: string): Promise<OAuthClientRow | undefined> {
  const [rows] = await pool.query<RowDataPacket[]>(
    'SELECT is_enabled, scope, jwks FROM oauth_clients WHERE client_id = ?',
    [clientId],
  );
  if (rows[0] === undefined) {
    return undefined;
  }
  const { is_enabled, scope, jwks } = Row.parse(rows[0]);
  return { enabled: is_enabled === 1, scopes: scope.split(' '), keys: jwks.keys };
}

/** A registered client is disabled until an administrator enables it. */
export async function insertOAuthClient(pool: Pool, client: NewOAuthClient): Promise<void> {
  await pool.query('INSERT INTO oauth_clients SET ?, register_date = NOW()', [
    {
      client_id: client.clientId,
      client_role: 'user',
      client_name: client.name,
      client_secret: client.clientSecret,
      registration_token: client.registrationToken,
      registration_uri_path: client.registrationPath,
      contacts: client.contacts.join('|'),
      redirect_uri: client.redirectUris.join('|'),
      scope: client.scope,
      jwks: client.jwks,
      site_id: 'default',
      is_confidential: 1,
      is_enabled: 0,
      dsi_type: 0,
    },
  ]);
}
