import { join } from 'node:path';
import { z } from 'zod';
import { enableApiClient } from '../openemr-sim/clinic-api-clients.js';
import type { Place } from '../services/place.js';
import { DEFAULT_DATABASES, type Services, type ZoneAccess } from '../services/services.js';
import { Program, runProgram } from './program.js';
import { documentsDir, openemrConnection } from './simulator.js';
import { AGENT_CLI, completesTls } from './system-programs.js';

const Registration = z.object({ clientId: z.string(), state: z.string() });

/** The HTTP side of the OpenEMR SIMULATOR as a process of the inside; its database is the zone's MariaDB. */
export function openEmrSimulator(
  inside: ZoneAccess,
  port: number,
  place: Place,
  onFailure: (error: Error) => void,
): Program {
  const tls = join(inside.dir, 'tls');
  return new Program(
    {
      name: 'OpenEMR simulator',
      entry: 'infra/dist/openemr-sim/http/http.main.js',
      env: {
        OPENEMR_DB_HOST: inside.mariadb.host,
        OPENEMR_DB_PORT: String(inside.mariadb.port),
        OPENEMR_DB_NAME: DEFAULT_DATABASES.openemr,
        OPENEMR_DB_CA_FILE: inside.mariadb.caFile,
        OPENEMR_DB_USER: 'openemr',
        OPENEMR_DB_PASSWORD_FILE: inside.secretFile('openemr'),
        LISTEN_HOST: '127.0.0.1',
        LISTEN_PORT: String(port),
        TLS_CERT_FILE: join(tls, 'openemr.crt'),
        TLS_KEY_FILE: join(tls, 'openemr.key'),
        DOCUMENTS_DIR: documentsDir(inside),
      },
      logFile: join(inside.dir, 'logs/openemr-simulator.log'),
      place,
      probe: () => completesTls(place.door(port)),
    },
    onFailure,
  );
}

/** What a person does once: registers the agent on its command line, and enables it in OpenEMR. */
export async function admitAgent(services: Services, agentEnv: Record<string, string>, place: Place): Promise<void> {
  const register = async (...options: string[]): Promise<z.infer<typeof Registration>> =>
    Registration.parse(JSON.parse(await runProgram(AGENT_CLI, ['register', '--json', ...options], agentEnv, place)));
  const before = await register();
  // A demo of before was registered for less.
  const { clientId, state } = before.state === 'scopes-missing' ? await register('--again') : before;
  if (state === 'ready') {
    return;
  }
  const connection = await openemrConnection(services, place);
  try {
    await enableApiClient(connection, clientId, true);
  } finally {
    await connection.end();
  }
  const after = await register();
  if (after.state !== 'ready') {
    throw new Error(`the OpenEMR simulator does not let the agent in: ${after.state}`);
  }
}
