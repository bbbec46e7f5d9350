import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import { request } from 'undici';
import { declaredRights } from '../services/grants.js';
import { DEFAULT_DATABASES, type Services } from '../services/services.js';
import { crossings, PROCESSES } from '../zones/zones.js';

/** What a machine can see of the settings, on the running system. */
export interface Facts {
  rightsEqual: boolean;
  sectionsPadded: boolean;
  sessionsEnd: boolean;
  deniedWithoutSession: boolean;
  namesUnique: boolean;
  auditOnlyAdded: boolean;
  auditEntries: number;
  flushedAtCommit: boolean;
  secondFactorForAll: boolean;
  gatewayRefusesStrangers: boolean;
  gatewayRefusesTls12: boolean;
  databaseNeedsTls: boolean;
  crossingsAreTwo: boolean;
}

interface Known {
  rightsEqual: boolean;
  inventoryHolds: boolean;
}

export async function liveFacts(
  services: Services,
  { origin, gatewayPort }: { origin: string; gatewayPort: number },
  { rightsEqual, inventoryHolds }: Known,
): Promise<Facts> {
  const { dmz, inside } = services;
  const one = async (zone: typeof dmz, sql: string, ...params: string[]): Promise<number> => {
    const [row] = await zone.adminSql(sql, params);
    return Number(row?.['fact']);
  };
  const answer = await request(`${origin}/api/session`, { headers: { 'x-requested-with': 'portal' } });
  await answer.body.dump();
  const flush = 'SELECT @@innodb_flush_log_at_trx_commit = 1 AS fact';
  const found = crossings();
  return {
    rightsEqual,
    sectionsPadded: inventoryHolds,
    sessionsEnd: inventoryHolds,
    deniedWithoutSession: answer.statusCode === 401,
    namesUnique:
      (await one(
        dmz,
        "SELECT COUNT(*) AS fact FROM information_schema.statistics WHERE table_schema = ? AND table_name = 'account' AND column_name = 'name_index' AND non_unique = 0",
        DEFAULT_DATABASES.portal,
      )) === 1,
    auditOnlyAdded:
      rightsEqual &&
      declaredRights('dmz', { portal: DEFAULT_DATABASES.portal })
        .filter(({ object, account }) => object.endsWith('.audit_entry') && account !== 'migrate')
        .every(({ privilege }) => privilege === 'SELECT' || privilege === 'INSERT'),
    auditEntries: await one(dmz, 'SELECT COUNT(*) AS fact FROM ??.audit_entry', DEFAULT_DATABASES.portal),
    flushedAtCommit: (await one(dmz, flush)) === 1 && (await one(inside, flush)) === 1,
    secondFactorForAll:
      (await one(
        dmz,
        'SELECT COUNT(*) AS fact FROM ??.account WHERE totp_wrapped IS NULL OR LENGTH(totp_wrapped) = 0',
        DEFAULT_DATABASES.portal,
      )) === 0,
    gatewayRefusesStrangers: !(await gatewayAnswers(services, gatewayPort, false, 'TLSv1.3')),
    gatewayRefusesTls12:
      (await gatewayAnswers(services, gatewayPort, true, 'TLSv1.3')) &&
      !(await gatewayAnswers(services, gatewayPort, true, 'TLSv1.2')),
    // An account that may come without TLS is a right too many.
    databaseNeedsTls: rightsEqual,
    crossingsAreTwo: found.length === 2 && found.every(({ to }) => PROCESSES[to].zone === 'dmz'),
  };
}

/** Whether a request is answered at all: TLS 1.3 tells a client without a certificate only when it reads. */
function gatewayAnswers(
  { inside }: Services,
  port: number,
  withCertificate: boolean,
  version: SecureVersion,
): Promise<boolean> {
  const tls = join(inside.dir, 'tls');
  const file = (name: string): Buffer => readFileSync(join(tls, name));
  return new Promise((resolve) => {
    const socket = connect({
      ...{ host: '127.0.0.1', port, servername: 'sync-gateway.dmz', ca: file('crossing-ca.crt'), timeout: 10_000 },
      ...{ minVersion: version, maxVersion: version },
      ...(withCertificate ? { cert: file('agent.crt'), key: file('agent.key') } : {}),
    });
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('secureConnect', () => {
      socket.write('GET /v1/hello HTTP/1.1\r\nhost: sync-gateway.dmz\r\nconnection: close\r\n\r\n');
    });
    socket.once('data', () => {
      end(true);
    });
    for (const refused of ['error', 'close', 'timeout'] as const) {
      socket.once(refused, () => {
        end(false);
      });
    }
  });
}
