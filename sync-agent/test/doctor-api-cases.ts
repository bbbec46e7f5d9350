import { rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request as ask } from 'undici';
import { ensureClientKey } from '../src/keys/client-key.js';
import { startOpenEmr, type DoctorUnderTest, type Made, type Misconfiguration } from './doctor-under-test.js';

const clients =
  (make: string, undo: string) =>
  async (inside: DoctorUnderTest): Promise<Made> => {
    const [before] = await inside.services.inside.adminSql('SELECT scope FROM openemr.oauth_clients');
    await inside.sql(`UPDATE openemr.oauth_clients SET ${make}`);
    return {
      undo: () =>
        inside.services.inside.adminSql(`UPDATE openemr.oauth_clients SET ${undo}`, [String(before?.['scope'])]),
    };
  };

const withoutClientKey =
  (then: (folder: string) => void) =>
  (inside: DoctorUnderTest): Made => {
    const folder = inside.keys();
    rmSync(join(folder, 'openemr-client.key'));
    then(folder);
    return { environment: { KEY_DIR: folder } };
  };

/** Stands before the simulator and tells its answers at another time. */
async function shifted(inside: DoctorUnderTest, ms: number): Promise<Made> {
  const tls = (end: string): string => readFileSync(inside.path('tls', `openemr.${end}`), 'utf8');
  const behind = new Agent({ connect: { ca: readFileSync(inside.path('tls/inside-ca.crt')) } });
  const server = createServer({ cert: tls('crt'), key: tls('key') }, (request, response) => {
    void ask(`${inside.environment['OPENEMR_URL'] ?? ''}${request.url ?? ''}`, {
      dispatcher: behind,
      method: request.method === 'POST' ? 'POST' : 'GET',
      headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
      body: request.method === 'POST' ? request : null,
    }).then(async ({ statusCode, headers, body }) => {
      const type = headers['content-type'];
      response.writeHead(statusCode, {
        'content-type': typeof type === 'string' ? type : 'application/json',
        date: new Date(Date.now() + ms).toUTCString(),
      });
      response.end(Buffer.from(await body.arrayBuffer()));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    environment: { OPENEMR_URL: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}` },
    undo: async () => {
      server.closeAllConnections();
      server.close();
      await behind.close();
    },
  };
}

export const API_CASES: readonly Misconfiguration[] = [
  {
    name: 'nothing where the API should be',
    make: () => ({ environment: { OPENEMR_URL: 'https://127.0.0.1:1' } }),
    finds: ['api-unreachable'],
    says: /OPENEMR_URL/,
  },
  {
    name: 'a web server of another CA',
    make: (inside) => ({ environment: { OPENEMR_CA_FILE: inside.path('tls/crossing-ca.crt') } }),
    finds: ['api-certificate-refused'],
    says: /not accepted/,
  },
  {
    name: 'a site that OpenEMR does not have',
    make: () => ({ environment: { OPENEMR_SITE: 'elsewhere' } }),
    finds: ['api-site-unknown'],
    says: /OPENEMR_SITE/,
  },
  {
    name: 'an agent that was never registered',
    make: () => ({ environment: { OPENEMR_CLIENT_ID_FILE: '/nowhere/client.id' } }),
    finds: ['api-client-missing'],
    says: /not registered/,
  },
  {
    name: 'a client that nobody has enabled',
    make: clients('is_enabled = 0', 'is_enabled = 1'),
    finds: ['api-client-disabled'],
    says: /not enabled/,
  },
  {
    name: 'a client without its scope',
    make: clients("scope = 'system/Patient.read'", 'scope = ?'),
    finds: ['api-scope-missing'],
    says: /system\/Binary\.read/,
  },
  {
    name: 'C-CDAs that are offered without their scope',
    make: () => ({ environment: { OPENEMR_CCD: 'on' } }),
    finds: ['api-scope-missing'],
    says: /system\/DocumentReference\.\$docref, which OPENEMR_CCD=on needs/,
  },
  {
    name: 'an OpenEMR that has another address of itself',
    make: async (inside) => {
      const http = await startOpenEmr(inside.services, inside.agent, 'https://emr.clinic.example');
      return { environment: { OPENEMR_URL: http.url }, undo: () => http.close() };
    },
    finds: ['api-assertion-refused'],
    says: /signature/,
  },
  {
    name: 'a client key that was made anew',
    make: withoutClientKey(ensureClientKey),
    finds: ['api-assertion-refused'],
    says: /signature/,
  },
  {
    name: 'a client key that is gone',
    make: withoutClientKey(() => undefined),
    finds: ['api-key-damaged'],
    says: /openemr-client\.key/,
  },
  {
    name: 'a web server whose clock is a minute ahead, behind another address',
    make: (inside) => shifted(inside, 60_000),
    finds: ['api-clock', 'api-assertion-refused'],
    says: /(59|60|61)\.\d s ahead of/,
  },
];
