import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection } from 'mysql2/promise';
import { freeServicePorts, type ServicePorts } from 'infra/services/ports';
import { withRedis } from 'infra/services/redis-client';
import { startServices, type Services, type ZoneAccess } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';

const secret = (zone: ZoneAccess, account: string): string => readFileSync(zone.secretFile(account), 'utf8');

function connectAs(zone: ZoneAccess, account: string, database: string): Promise<Connection> {
  return createConnection({
    host: zone.mariadb.host,
    port: zone.mariadb.port,
    user: account,
    password: secret(zone, account),
    database,
    ssl: { ca: readFileSync(zone.mariadb.caFile), minVersion: 'TLSv1.3' },
  });
}

function isAlive(pid: number | undefined): boolean {
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

let dataDir: string;
let ports: ServicePorts;
let services: Services;

beforeAll(async () => {
  dataDir = temporaryDataDir();
  ports = await freeServicePorts();
  services = await startServices({ dataDir, ports });
});

afterAll(async () => {
  await services.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('a data folder', () => {
  it('keeps what was written through a stop and a start', async () => {
    const migrate = await connectAs(services.dmz, 'migrate', 'portal');
    await migrate.query('CREATE TABLE kept (id INT PRIMARY KEY)');
    await migrate.query('INSERT INTO kept VALUES (7)');
    await migrate.end();
    const passwords = secret(services.dmz, 'migrate');
    await services.stop();
    services = await startServices({ dataDir, ports });
    expect(secret(services.dmz, 'migrate')).toBe(passwords);
    expect(await services.dmz.adminSql('SELECT id FROM portal.kept')).toEqual([{ id: 7 }]);
    await services.dmz.adminSql('DROP TABLE portal.kept');
  });

  it('belongs to one launcher at a time, and the refusal names the holder', async () => {
    await expect(startServices({ dataDir, ports })).rejects.toThrow(`in use by the process ${process.pid}`);
  });

  it('keeps the CA, every inside key and every inside secret out of the DMZ', () => {
    for (const name of ['crossing-ca.key', 'dmz-ca.key', 'inside-ca.key']) {
      expect(existsSync(join(dataDir, 'inside/ca', name))).toBe(true);
      expect(existsSync(join(dataDir, 'dmz/tls', name))).toBe(false);
    }
    expect(existsSync(join(dataDir, 'dmz/secrets/agent_writer.password'))).toBe(false);
  });

  it('closes secrets to everybody but the launcher', () => {
    expect(statSync(services.dmz.secretFile('portal_api')).mode & 0o777).toBe(0o400);
    expect(statSync(join(dataDir, 'dmz/secrets')).mode & 0o777).toBe(0o700);
  });
});

describe('a start', () => {
  it('names the port that is in use and what it is needed for', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const other = temporaryDataDir();
    const wanted = await freeServicePorts();
    await expect(
      startServices({ dataDir: other, ports: { ...wanted, inside: { ...wanted.inside, redis: port } } }),
    ).rejects.toThrow(`Port ${port} on 127.0.0.1, needed for Redis of the inside, is in use`);
    taken.close();
    // The servers that did start were stopped again, so the same folder and ports can be used at once.
    const second = await startServices({ dataDir: other, ports: wanted });
    await second.stop();
    rmSync(other, { recursive: true, force: true });
  });

  it('makes a certificate anew that is missing, under the same CA', async () => {
    const ca = readFileSync(services.dmz.mariadb.caFile, 'utf8');
    await services.stop();
    unlinkSync(join(dataDir, 'dmz/tls/mariadb.crt'));
    services = await startServices({ dataDir, ports });
    expect(readFileSync(services.dmz.mariadb.caFile, 'utf8')).toBe(ca);
    const connection = await connectAs(services.dmz, 'migrate', 'portal');
    await connection.end();
  });
});

describe('servers', () => {
  it('run without privileges and with nothing of ours in their environment', () => {
    for (const zone of [services.dmz, services.inside]) {
      for (const { pid } of [zone.mariadb, zone.redis]) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).not.toBe('0');
        expect(/^NoNewPrivs:\s+(\d)/m.exec(status)?.[1]).toBe('1');
        // Redis overwrites its environment's memory with its title; zeros are no entries.
        const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
        const names = entries.map((entry) => entry.split('=')[0]);
        expect(names.filter((name) => !['HOME', 'LC_ALL', 'PATH', 'TMPDIR'].includes(name ?? ''))).toEqual([]);
      }
    }
  });

  it('settle `failed` with the name of the one that died, and start again with their data', async () => {
    await services.inside.adminSql('CREATE TABLE portal_ledger.survivor (id INT PRIMARY KEY)');
    await services.inside.adminSql('INSERT INTO portal_ledger.survivor VALUES (1)');
    const died = services.inside.mariadb.pid;
    process.kill(died ?? 0, 'SIGKILL');
    expect((await services.failed).message).toMatch(/MariaDB of the inside ended by SIGKILL/);
    await services.restart('inside', 'mariadb');
    expect(services.inside.mariadb.pid).not.toBe(died);
    expect(await services.inside.adminSql('SELECT id FROM portal_ledger.survivor')).toEqual([{ id: 1 }]);
    await services.inside.adminSql('DROP TABLE portal_ledger.survivor');
  });

  it('do not outlive a launcher that is killed, and the next start goes on with the folder', async () => {
    const other = temporaryDataDir();
    const theirPorts = await freeServicePorts();
    const script = fileURLToPath(new URL('launch-services.mjs', import.meta.url));
    const launcher = spawn(process.execPath, [script, other, JSON.stringify(theirPorts)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(launcher.stdout, 'data')) as [Buffer];
    const pids = JSON.parse(line.toString()) as number[];
    expect(pids.map(isAlive)).toEqual([true, true, true, true]);
    launcher.kill('SIGKILL');
    await once(launcher, 'exit');
    for (const limit = Date.now() + 30_000; pids.some(isAlive) && Date.now() < limit;) {
      await sleep(20);
    }
    expect(pids.map(isAlive)).toEqual([false, false, false, false]);
    const next = await startServices({ dataDir: other, ports: theirPorts });
    expect(await next.dmz.adminSql('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await next.stop();
    rmSync(other, { recursive: true, force: true });
  });
});

describe('MariaDB', () => {
  it('refuses an account that comes without TLS, and a client that trusts another CA', async () => {
    const { host, port } = services.dmz.mariadb;
    const plain = { host, port, user: 'portal_api', password: secret(services.dmz, 'portal_api') };
    await expect(createConnection(plain)).rejects.toThrow();
    const foreign = { ca: readFileSync(services.inside.mariadb.caFile), minVersion: 'TLSv1.3' as const };
    await expect(createConnection({ ...plain, ssl: foreign })).rejects.toThrow(/certificate/);
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    const { host, port, caFile } = services.dmz.mariadb;
    const plain = { host, port, user: 'migrate', password: secret(services.dmz, 'migrate') };
    await expect(
      createConnection({ ...plain, ssl: { ca: readFileSync(caFile), maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } }),
    ).rejects.toThrow();
  });

  it('has no root on the network and no account without a password', async () => {
    const { host, port, caFile } = services.dmz.mariadb;
    await expect(createConnection({ host, port, user: 'root', ssl: { ca: readFileSync(caFile) } })).rejects.toThrow(
      /denied/,
    );
    const accounts = await services.dmz.adminSql(
      "SELECT User AS user FROM mysql.global_priv WHERE Host <> 'localhost'",
    );
    expect(accounts.map(({ user }) => user).sort()).toEqual(['migrate', 'portal_api', 'sync_gateway']);
  });

  it('is durable in both zones, and keeps a full row binlog inside only', async () => {
    const settings = `SELECT @@log_bin AS log_bin, @@innodb_flush_log_at_trx_commit AS flushed, @@local_infile AS local_files`;
    expect(await services.dmz.adminSql(settings)).toEqual([{ log_bin: 0, flushed: 1, local_files: 0 }]);
    expect(await services.inside.adminSql(settings)).toEqual([{ log_bin: 1, flushed: 1, local_files: 0 }]);
    expect(
      await services.inside.adminSql(
        'SELECT @@binlog_format AS format, @@binlog_row_metadata AS metadata, @@sync_binlog AS sync, @@GLOBAL.sql_mode AS mode',
      ),
    ).toEqual([{ format: 'ROW', metadata: 'FULL', sync: 1, mode: '' }]);
  });

  it('knows named time zones inside, where sessions run in the clinic’s', async () => {
    expect(
      await services.inside.adminSql("SELECT CONVERT_TZ('2026-07-01 12:00:00', 'UTC', 'America/New_York') AS there"),
    ).toEqual([{ there: new Date('2026-07-01T08:00:00') }]);
  });
});

describe('Redis', () => {
  it('does not answer without TLS or to a client without a user', async () => {
    const { host, port, caFile } = services.dmz.redis;
    const socket = connect(port, host).on('error', () => undefined);
    let plainAnswer = '';
    socket.on('data', (chunk) => (plainAnswer += chunk.toString('latin1')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('PING\r\n');
    await closed;
    expect(plainAnswer).not.toContain('PONG');
    const secure = connectTls({ host, port, ca: readFileSync(caFile), servername: 'localhost' });
    secure.write('PING\r\n');
    const [answer] = (await once(secure, 'data')) as [Buffer];
    expect(answer.toString()).toContain('NOAUTH');
    secure.destroy();
  });

  it.each([
    ['portal_api', ['KEYS', '*']],
    ['portal_api', ['FLUSHALL']],
    ['portal_api', ['CONFIG', 'GET', '*']],
    ['portal_api', ['GET', 'anything']],
    ['portal_api', ['EVAL', "return redis.call('GET', 'anything')", '0']],
    ['portal_api', ['PUBLISH', 'other:channel', 'x']],
    ['portal_api', ['ACL', 'LIST']],
    ['sync_gateway', ['GET', 'session:0']],
    ['sync_gateway', ['GET', 'pending:0']],
    ['sync_gateway', ['SUBSCRIBE', 'portal:events']],
    ['operator', ['SET', 'session:0', 'x']],
    ['operator', ['CONFIG', 'SET', 'save', '1 1']],
  ] as [string, [string, ...string[]]][])('refuses %s the command %j', async (account, [command, ...args]) => {
    const refused = withRedis(services.dmz.redis, account, secret(services.dmz, account), (redis) =>
      redis.call(command, ...args),
    );
    await expect(refused).rejects.toThrow(/NOPERM|no permissions|can't access/);
  });

  it('persists nothing in the DMZ, and evicts nothing in either zone', async () => {
    for (const [zone, appendonly] of [
      [services.dmz, '0'],
      [services.inside, '1'],
    ] as const) {
      const info = await withRedis(zone.redis, 'operator', secret(zone, 'operator'), (redis) => redis.info());
      expect(info).toContain(`aof_enabled:${appendonly}`);
      expect(info).toContain('maxmemory_policy:noeviction');
    }
    await withRedis(services.dmz.redis, 'portal_api', secret(services.dmz, 'portal_api'), (redis) =>
      redis.set('session:kept', 'x'),
    );
    await services.restart('dmz', 'redis');
    const kept = await withRedis(services.dmz.redis, 'portal_api', secret(services.dmz, 'portal_api'), (redis) =>
      redis.get('session:kept'),
    );
    expect(kept).toBeNull();
  });
});
