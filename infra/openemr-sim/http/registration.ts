import { randomBytes } from 'node:crypto';
import type { Pool } from 'mysql2/promise';
import { z } from 'zod';
import { insertOAuthClient } from './oauth-client-rows.js';
import { notRecorded, readRecording, recordedAnswer, recordedAnswerWith, type SimAnswer } from './recorded-answer.js';

const Registration = z.object({
  application_type: z.literal('private'),
  client_name: z.string().min(1).max(80),
  redirect_uris: z.array(z.string()).min(1),
  token_endpoint_auth_method: z.string(),
  contacts: z.array(z.string()).default([]),
  scope: z.string(),
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }).optional(),
});

const Discovery = z.object({ scopes_supported: z.array(z.string()) });

let supported: ReadonlySet<string> | undefined;

/** The first of the scopes that the recorded OpenEMR does not list. */
export function unknownScope(scopes: readonly string[]): string | undefined {
  supported ??= new Set(Discovery.parse(readRecording('oauth2/01-discovery-openid').response.body).scopes_supported);
  const known = supported;
  return scopes.find((scope) => !known.has(scope));
}

/** OpenEMR names the scope it does not know, and only the first. */
export function scopeRefusal(recording: string, recordedScope: string, scope: string, siteAddress: string): SimAnswer {
  const { body } = recordedAnswer(recording, siteAddress);
  return recordedAnswerWith(
    recording,
    body.toString('utf8').replace(recordedScope, () => scope),
  );
}

/** Dynamic client registration (RFC 7591) as the recorded OpenEMR does it for confidential clients. */
export async function register(pool: Pool, body: string, siteAddress: string): Promise<SimAnswer> {
  const parsed = Registration.safeParse(jsonOf(body));
  if (!parsed.success) {
    return notRecorded();
  }
  const { scope, jwks, ...metadata } = parsed.data;
  const scopes = scope.split(' ');
  const unknown = unknownScope(scopes);
  if (unknown !== undefined) {
    return scopeRefusal('oauth2/05-register-unknown-scope', 'user/Nonsense.read', unknown, siteAddress);
  }
  if (jwks === undefined) {
    return scopes.some((each) => each.startsWith('system/'))
      ? recordedAnswer('oauth2/04-register-system-client-no-jwks', siteAddress)
      : notRecorded();
  }
  const [clientId, clientSecret, token, path] = [32, 64, 32, 16].map((size) => randomBytes(size).toString('base64url'));
  if (clientId === undefined || clientSecret === undefined || token === undefined || path === undefined) {
    throw new Error('four random values were asked for');
  }
  await insertOAuthClient(pool, {
    clientId,
    name: metadata.client_name,
    clientSecret,
    registrationToken: token,
    registrationPath: path,
    contacts: metadata.contacts,
    redirectUris: metadata.redirect_uris,
    scope,
    jwks: JSON.stringify(jwks),
  });
  return recordedAnswerWith(
    'oauth2/03-register-system-client',
    JSON.stringify({
      client_id: clientId,
      client_secret: clientSecret,
      registration_access_token: token,
      registration_client_uri: `${siteAddress}/oauth2/default/client/${path}`,
      client_id_issued_at: Math.floor(Date.now() / 1000),
      client_secret_expires_at: 0,
      client_role: 'user',
      contacts: metadata.contacts,
      application_type: metadata.application_type,
      client_name: metadata.client_name,
      redirect_uris: metadata.redirect_uris,
      token_endpoint_auth_method: metadata.token_endpoint_auth_method,
      jwks,
      scope,
      dsi_type: 'none',
    }),
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
