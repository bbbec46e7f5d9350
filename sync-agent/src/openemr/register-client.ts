import type { JWK } from 'jose';
import { AnswerLost, type ApiConnection } from './api-connection.js';
import { RegistrationAnswer, readJson, refusedAnswer } from './api-answers.js';
import { API_FAILURES, OpenEmrApiFailure, OpenEmrInDoubt } from './api-failures.js';

const TIMEOUT = 30_000;
const ANSWER_BYTES = 256 * 1024;
export const CLIENT_NAME = 'OpenEMR DMZ Portal sync-agent';

/** What OpenEMR is told about the client (RFC 7591, SMART Backend Services). Nothing in it is secret. */
export interface RegistrationDocument {
  application_type: 'private';
  client_name: string;
  redirect_uris: string[];
  token_endpoint_auth_method: 'private_key_jwt';
  contacts: string[];
  scope: string;
  jwks: { keys: JWK[] };
}

/** OpenEMR wants a redirect address of every client; this one leads nowhere, for no browser ever uses it (RFC 2606). */
const NO_REDIRECT = 'https://sync-agent.invalid/';

export function registrationDocument(jwk: JWK, scopes: readonly string[], contact: string): RegistrationDocument {
  return {
    application_type: 'private',
    client_name: CLIENT_NAME,
    redirect_uris: [NO_REDIRECT],
    token_endpoint_auth_method: 'private_key_jwt',
    contacts: [contact],
    scope: scopes.join(' '),
    jwks: { keys: [jwk] },
  };
}

/**
 * Registers a client and gives its id. OpenEMR knows no idempotency here: every call that arrives makes a client, so an
 * answer that did not arrive whole is doubt, not failure.
 * @throws OpenEmrTransient when nothing was sent, OpenEmrInDoubt, OpenEmrPermanent
 */
export async function registerClient(
  connection: ApiConnection,
  site: string,
  document: RegistrationDocument,
): Promise<string> {
  try {
    const answer = await connection.exchange({
      method: 'POST',
      path: `/oauth2/${site}/registration`,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(document),
      timeout: TIMEOUT,
      limit: ANSWER_BYTES,
    });
    if (answer.status !== 200 && answer.status !== 201) {
      throw answer.status >= 500 ? inDoubt() : refusedAnswer('the registration', answer);
    }
    return readJson('the registration', RegistrationAnswer, answer).client_id;
  } catch (failure: unknown) {
    throw mayHaveHappened(failure) ? inDoubt() : failure;
  }
}

function mayHaveHappened(failure: unknown): boolean {
  const unreadable: readonly string[] = [API_FAILURES.answer, API_FAILURES.tooLarge];
  return failure instanceof AnswerLost || (failure instanceof OpenEmrApiFailure && unreadable.includes(failure.code));
}

function inDoubt(): OpenEmrInDoubt {
  return new OpenEmrInDoubt(
    API_FAILURES.registrationInDoubt,
    'OpenEMR may or may not have registered the client: look for ' +
      `"${CLIENT_NAME}" in OpenEMR, Admin → System → API Clients; if it is there, run \`register --client-id <its id>\`, else \`register\` again`,
  );
}
