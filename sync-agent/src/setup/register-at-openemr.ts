import { existsSync, rmSync } from 'node:fs';
import type { OpenEmrApiConfig } from '../config.js';
import { ensureClientKey, readClientKey } from '../keys/client-key.js';
import { writeFile } from '../keys/key-files.js';
import { ApiConnection } from '../openemr/api-connection.js';
import { API_FAILURES, OpenEmrApiFailure, OpenEmrInDoubt, OpenEmrPermanent } from '../openemr/api-failures.js';
import { OpenEmrApi, describeServer, readClientId, scopesOf } from '../openemr/openemr-api.js';
import { CLIENT_NAME, registerClient, registrationDocument } from '../openemr/register-client.js';

export interface RegisterOptions {
  /** the e-mail address OpenEMR's administrator sees beside the client */
  contact: string;
  /** adopt this id, which the administrator found in OpenEMR, instead of registering */
  clientId?: string;
  /** register although there is, or may be, a client already */
  again?: true;
}

/** Where the registration stands. `ready` is the end; the sentence says what leads there. */
export interface RegistrationState {
  clientId: string;
  clientName: string;
  registered: 'now' | 'before';
  state: 'ready' | 'not-enabled' | 'scopes-missing' | 'refused';
  scopes: readonly string[];
  sentence: string;
}

/**
 * Registers the agent as an API client of OpenEMR once, and afterwards only looks how far it is. The id is stored
 * before anything else is done with it. A run that died between sending and storing leaves a note, because OpenEMR
 * would make a second client: the next run then asks a person.
 * @throws OpenEmrApiFailure, KeysIncomplete
 */
export async function registerAtOpenEmr(
  config: OpenEmrApiConfig,
  options: RegisterOptions,
): Promise<RegistrationState> {
  ensureClientKey(config.keyDir);
  const connection = new ApiConnection(config.url, config.caFile);
  try {
    await requireOurAddress(connection, config);
    const before = readClientId(config.clientIdFile);
    const clientId = before !== undefined && options.again !== true ? before : undefined;
    if (clientId !== undefined && options.clientId !== undefined && options.clientId !== clientId) {
      throw new OpenEmrPermanent(
        API_FAILURES.alreadyRegistered,
        `${config.clientIdFile} holds another client id; give --again to replace it`,
      );
    }
    const id = clientId ?? options.clientId ?? (await registerOnce(connection, config, options));
    if (clientId === undefined) {
      store(config.clientIdFile, id);
    }
    return { ...(await stateOf(config, id)), registered: clientId === undefined ? 'now' : 'before' };
  } finally {
    await connection.close();
  }
}

/** OpenEMR takes assertions only for the address it believes to have. */
async function requireOurAddress(connection: ApiConnection, { url, site }: OpenEmrApiConfig): Promise<void> {
  const { tokenEndpoint, clientCredentials } = await describeServer(connection, site);
  const ours = `${url}/oauth2/${site}/token`;
  if (tokenEndpoint !== ours) {
    throw new OpenEmrPermanent(
      API_FAILURES.assertion,
      `OpenEMR says its address is ${new URL(tokenEndpoint).origin}: set OPENEMR_URL to it, or in OpenEMR ` +
        `Admin → Config → Connectors → "Site Address" to ${url}`,
    );
  }
  if (!clientCredentials) {
    throw new OpenEmrPermanent(
      API_FAILURES.refused,
      'OpenEMR offers no system clients: in OpenEMR, Admin → Config → Connectors, switch on "Enable OpenEMR FHIR REST ' +
        'API" and "Enable OpenEMR FHIR System Scopes"',
    );
  }
}

async function registerOnce(
  connection: ApiConnection,
  config: OpenEmrApiConfig,
  { again, contact }: RegisterOptions,
): Promise<string> {
  const { clientIdFile, keyDir, site } = config;
  const note = `${clientIdFile}.sent`;
  if (existsSync(note) && again !== true) {
    throw new OpenEmrInDoubt(
      API_FAILURES.registrationInDoubt,
      `an earlier registration may have reached OpenEMR: look for "${CLIENT_NAME}" in OpenEMR, Admin → System → API ` +
        'Clients; if it is there, run `register --client-id <its id>`, else `register --again`',
    );
  }
  const { jwk } = await readClientKey(keyDir);
  rmSync(note, { force: true });
  writeFile(note, `${new Date().toISOString()}\n`, 0o600);
  try {
    return await registerClient(connection, site, registrationDocument(jwk, scopesOf(config), contact));
  } catch (failure: unknown) {
    if (failure instanceof OpenEmrApiFailure && !(failure instanceof OpenEmrInDoubt)) {
      rmSync(note, { force: true });
    }
    throw failure;
  }
}

function store(clientIdFile: string, clientId: string): void {
  writeFile(clientIdFile, `${clientId}\n`, 0o600);
  rmSync(`${clientIdFile}.sent`, { force: true });
}

/** Asks for a token: the only way to see a registration, for OpenEMR does not let a client read its own. */
async function stateOf(config: OpenEmrApiConfig, clientId: string): Promise<Omit<RegistrationState, 'registered'>> {
  const api = await OpenEmrApi.open(config);
  const known = { clientId, clientName: CLIENT_NAME, scopes: scopesOf(config) };
  try {
    await api.proveAccess();
    if (config.ccd === true) {
      await api.proveCcdAccess();
    }
    return { ...known, state: 'ready', sentence: 'OpenEMR lets the agent in, with all the scopes it needs.' };
  } catch (failure: unknown) {
    if (!(failure instanceof OpenEmrPermanent)) {
      throw failure;
    }
    return { ...known, state: stateAfter(failure), sentence: `${failure.message}.` };
  } finally {
    await api.close();
  }
}

function stateAfter({ code }: OpenEmrPermanent): RegistrationState['state'] {
  switch (code) {
    case API_FAILURES.clientDisabled:
      return 'not-enabled';
    case API_FAILURES.scopeMissing:
      return 'scopes-missing';
    default:
      return 'refused';
  }
}
