import type { ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { repositoryRoot, runProgram } from 'infra/demo/program';
import { until } from 'infra/demo/until';
import { accountsBackupScript } from 'infra/production/host-commands';
import { CONFIGURATION, PROGRAMS, SECRETS, STATE } from 'infra/production/placement';
import { prepareHost, type Outcome, type Preparation } from 'infra/production/prepare-host';
import { programEnvironment, type ProgramName } from 'infra/production/program-environments';
import {
  MARIADB_RUN,
  mariadbArguments,
  mariadbConfiguration,
  redisArguments,
  redisConfiguration,
} from 'infra/production/server-settings';
import { bareEnvironment, exited, run, serverUser, spawnChild } from 'infra/services/child-process';
import { compareGrants, rightText } from 'infra/services/grants';
import { adminQuery } from 'infra/services/mariadb-server';
import { NODE_FLAGS } from 'infra/services/node-flags';
import { freePort } from 'infra/services/ports';
import { DEFAULT_DATABASES } from 'infra/services/services';
import { testServices } from 'infra/services/test-services';
import { listenerOf } from 'infra/zones/zones';

const NAMES = { portal: DEFAULT_DATABASES.portal };
const user = serverUser();
const administrator = user ? 'nobody' : userInfo().username;

let folder: string;
let first: Outcome;
let preparation: Preparation;
const children: ChildProcess[] = [];
const ports = { mariadb: 0, redis: 0, portal: 0, gateway: 0, portalMetrics: 0, gatewayMetrics: 0 };

/** The described paths and ports, moved to where nothing of the machine is in the way. */
function moved(text: string): string {
  return text
    .replaceAll(STATE, join(folder, 'state'))
    .replaceAll(MARIADB_RUN, join(folder, 'run'))
    .replaceAll('%d/', `${folder}/secrets/`)
    .replaceAll(PROGRAMS, repositoryRoot())
    .replace(/^(port = ).*$/m, `$1${String(ports.mariadb)}`)
    .replace(/^(tls-port ).*$/m, `$1${String(ports.redis)}`);
}

function environment(program: ProgramName): Record<string, string> {
  const own: Record<string, string> = {
    SITE_ID: randomUUID(),
    PUBLIC_ORIGIN: 'https://portal.example.org',
    PRACTICE_NAME: 'Example Family Practice',
    PRACTICE_TIME_ZONE: 'America/New_York',
  };
  const elsewhere: Record<string, string> = {
    DB_PORT: String(ports.mariadb),
    REDIS_PORT: String(ports.redis),
    LISTEN_PORT: String(ports.portal),
    GATEWAY_PORT: String(ports.gateway),
    GATEWAY_HOST: '127.0.0.1',
    METRICS_PORT: String(program === 'portal-api' ? ports.portalMetrics : ports.gatewayMetrics),
  };
  return Object.fromEntries(
    Object.entries(programEnvironment(program, 'systemd')).map(([name, value]) => [
      name,
      elsewhere[name] ?? moved(value).replace(/^\$\{(\w+)\}$/, (_, key: string) => own[key] ?? ''),
    ]),
  );
}

/** Runs until the suite ends. */
function start(program: string, args: string[], env: Record<string, string>, as: typeof user): ChildProcess {
  const child = spawnChild(program, args, { env, user: as, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr?.resume();
  children.push(child);
  return child;
}

const startProgram = (entry: string, name: ProgramName): ChildProcess =>
  start(process.execPath, [...NODE_FLAGS, join(repositoryRoot(), entry)], environment(name), null);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'odp-production-'));
  chmodSync(folder, 0o755);
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) {
    ports[name] = await freePort();
  }
  for (const name of ['run', 'brought', 'programs/settings']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  preparation = {
    zone: 'dmz',
    way: 'systemd',
    configuration: folder,
    secrets: join(folder, 'secrets'),
    state: join(folder, 'state'),
    owned: false,
  };
  first = await prepareHost(preparation);
});

afterAll(async () => {
  for (const child of children.reverse()) {
    child.kill('SIGTERM');
    await exited(child);
  }
  rmSync(folder, { recursive: true, force: true });
});

describe('a host that was prepared as described', () => {
  it('says what is still to be brought, and takes it over when it is there', async () => {
    expect(first.missing).toEqual([
      'crossing-ca.crt',
      'gateway.crt',
      'gateway.key',
      'portal.crt',
      'portal.key',
      'root.pub',
    ]);
    const brought = join(folder, 'brought');
    for (const name of ['crossing-ca.crt', 'gateway.crt', 'gateway.key']) {
      cpSync(join(testServices().dmz.dir, 'tls', name), join(brought, name));
    }
    cpSync(join(brought, 'gateway.crt'), join(brought, 'portal.crt'));
    cpSync(join(brought, 'gateway.key'), join(brought, 'portal.key'));
    writeFileSync(join(brought, 'root.pub'), randomBytes(32).toString('base64url'));
    writeFileSync(join(brought, 'dmz.env'), "SITE_ID=1b4e28ba\nPRACTICE_NAME='A b'\nTLS_KEY_FILE=elsewhere\n");
    const secret = (): string => readFileSync(join(folder, 'secrets/portal_api.password'), 'utf8');
    const before = secret();
    expect(await prepareHost({ ...preparation, from: brought })).toMatchObject({
      missing: [],
      unset: ['PUBLIC_ORIGIN', 'PRACTICE_TIME_ZONE'],
    });
    expect(readFileSync(join(folder, 'dmz.env'), 'utf8')).toBe(
      "SITE_ID=1b4e28ba\nPUBLIC_ORIGIN=\nPRACTICE_NAME='A b'\nPRACTICE_TIME_ZONE=\n",
    );
    expect(secret()).toBe(before);
  });

  it('starts MariaDB from nothing, with the declared accounts and, after the migrations, exactly the declared rights', async () => {
    const programs = join(folder, 'programs');
    writeFileSync(join(programs, 'settings/mariadb.cnf'), moved(mariadbConfiguration()));
    cpSync(join(repositoryRoot(), 'infra/production/start-mariadb.sh'), join(programs, 'start-mariadb'));
    if (user) {
      // Root may not run the server; on a host the files belong to the process by the preparation.
      await run('chown', ['-R', `${String(user.uid)}:${String(user.gid)}`, folder], { env: {} });
    }
    const server = { secrets: '%d', listen: '127.0.0.1' };
    start(join(programs, 'start-mariadb'), mariadbArguments(server).map(moved), bareEnvironment(folder), user);
    const socket = join(folder, 'run/mariadb.sock');
    await until('MariaDB answers', async () =>
      adminQuery(socket, 'SELECT 1').then(
        () => true,
        () => false,
      ),
    );
    const settings = await adminQuery(
      socket,
      'SELECT @@log_bin AS log, @@innodb_flush_log_at_trx_commit AS flush, @@local_infile AS files',
    );
    expect(settings).toEqual([{ log: 0, flush: 1, files: 0 }]);

    await runProgram('portal-api/dist/database/migrate.main.js', [], environment('migrate'));
    const client = ['--no-defaults', `--socket=${socket}`];
    const input = readFileSync(join(folder, 'secrets/grants.sql'), 'utf8');
    for (const time of ['once', 'again']) {
      await run('mariadb', client, { env: bareEnvironment(folder), user, input });
      const { missing, excess } = await compareGrants('dmz', socket, NAMES);
      // The user who runs the server administers it through the socket.
      const strangers = excess.filter(({ account }) => account.split('@')[0] !== administrator);
      expect([time, [...missing, ...strangers].map(rightText)]).toEqual([time, []]);
    }
  });

  it('writes a backup of the accounts by the described command', async () => {
    const own = join(folder, 'by-hand');
    mkdirSync(own);
    writeFileSync(join(own, 'dmz.env'), `SITE_ID=${randomUUID()}\n`);
    const command = join(own, 'accounts-backup');
    const text = accountsBackupScript()
      // Whom the files belong to here, nobody else need be.
      .replace(/exec setpriv[^\n]* -- \\\n/, 'exec ')
      .replaceAll(`${PROGRAMS}/bin/node`, process.execPath)
      .replaceAll(SECRETS, join(folder, 'secrets'))
      .replaceAll(`. ${CONFIGURATION}/`, `. ${own}/`)
      .replace(/^DB_PORT=.*$/m, `DB_PORT='${String(ports.mariadb)}'`);
    writeFileSync(command, moved(text), { mode: 0o700 });
    const backup = join(folder, 'state/backups/accounts.sql');
    await run(command, ['--to', backup], { env: {} });
    expect(readFileSync(backup, 'utf8')).toContain('`account`');
  });

  it('starts Redis, portal-api and sync-gateway, which answer', async () => {
    const settings = join(folder, 'programs/settings/redis-dmz.conf');
    writeFileSync(settings, moved(redisConfiguration('dmz')));
    const server = { secrets: '%d', listen: '127.0.0.1' };
    start('redis-server', [settings, ...redisArguments('dmz', server).map(moved)], bareEnvironment(folder), user);
    startProgram('portal-api/dist/main.js', 'portal-api');
    startProgram('portal-api/dist/gateway.main.js', 'sync-gateway');
    await until('portal-api is ready', async () =>
      request(`http://127.0.0.1:${String(ports.portal)}/api/health/ready`).then(
        async ({ statusCode, body }) => {
          await body.dump();
          return statusCode === 200;
        },
        () => false,
      ),
    );
    await until('portal-api tells its metrics', async () => {
      const { statusCode, body } = await request(`http://127.0.0.1:${String(ports.portalMetrics)}/metrics`);
      await body.dump();
      return statusCode === 200;
    });
    await until('the gateway speaks TLS', () => handshake(ports.gateway));
  });

  it('is told every port that the zones name', () => {
    const portal = programEnvironment('portal-api', 'compose');
    expect([portal['LISTEN_PORT'], portal['DB_PORT'], portal['REDIS_PORT']]).toEqual(
      (['portal-api', 'dmz-mariadb', 'dmz-redis'] as const).map((name) => String(listenerOf(name).port)),
    );
  });
});

function handshake(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Whether somebody is there, on loopback; nothing is sent or believed.
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
