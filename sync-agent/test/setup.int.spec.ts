import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { compareGrants } from 'infra/services/grants';
import { freeServicePorts } from 'infra/services/ports';
import { startServices, type Services } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';
import { AGENT_VARIABLES, readAgentConfig, readOwnerConfig } from '../src/config.js';
import { KeyStore } from '../src/keys/key-store.js';
import { KNOWN_VERSIONS, VersionUnknown, readInstalledVersion } from '../src/openemr/known-versions.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { assertReadableOpenEmr } from '../src/openemr/versions.js';
import { AnswersRefused, completeAnswers, type GivenAnswers, type SetupAnswers } from '../src/setup/setup-answers.js';
import { writeSetup } from '../src/setup/write-setup.js';
import { openClinic } from './agent-under-test.js';

const KEPT = { renewCertificates: false, renewFiles: false };

describe('setup', () => {
  let services: Services;
  let answers: SetupAnswers;
  const folder = mkdtempSync(join(tmpdir(), 'setup-'));
  const at = (name: string): string => join(folder, name);

  beforeAll(async () => {
    services = await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() });
    const clinic = await openClinic(services, 'openemr');
    await createOpenEmrSchema(clinic);
    await clinic.end();
    const { host, port, caFile } = services.inside.mariadb;
    answers = await completeAnswers(
      {
        openemrVersion: '8.2.0',
        openemrUrl: 'https://emr.clinic.example',
        openemrCa: caFile,
        databaseHost: host,
        databasePort: String(port),
        databaseCa: caFile,
        agentHost: '127.0.0.1',
        gatewayUrl: 'https://198.51.100.10:8443',
        portalOrigin: 'https://portal.example.org',
        pool: 'frontdesk',
      },
      false,
    );
  }, 120_000);

  afterAll(async () => {
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(services.dataDir, { recursive: true, force: true });
  });

  /** The folder's files with their content. */
  function contents(): Map<string, string> {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return new Map(
      names.filter((name) => statSync(at(name)).isFile()).map((name) => [name, readFileSync(at(name), 'utf8')]),
    );
  }

  it('writes everything once: a second run changes nothing and says so', async () => {
    const first = await writeSetup(answers, { folder, ...KEPT });
    const written = contents();
    expect(first.kept).toEqual([]);
    const second = await writeSetup(answers, { folder, ...KEPT });
    expect(second).toMatchObject({ made: [], different: [], siteId: first.siteId });
    expect(contents()).toEqual(written);
  });

  it('keeps what is secret to its owner, and what is the inside’s out of what is carried', () => {
    for (const name of contents().keys()) {
      expect({ name, others: statSync(at(name)).mode & 0o033 }).toEqual({ name, others: 0 });
    }
    const secret = [...contents().keys()].filter((name) => /\.(key|password)$/.test(name));
    for (const name of secret) {
      expect({ name, others: statSync(at(name)).mode & 0o077 }).toEqual({ name, others: 0 });
    }
    expect(readdirSync(at('dmz')).sort()).toEqual([
      'crossing-ca.crt',
      'dmz.env',
      'gateway.crt',
      'gateway.key',
      'root.pub',
    ]);
    const carried = readdirSync(at('dmz')).map((name) => readFileSync(at(`dmz/${name}`), 'utf8'));
    const kept = secret
      .filter((name) => name !== 'dmz/gateway.key')
      .map((name) => readFileSync(at(name), 'utf8').trim());
    expect(kept.filter((value) => carried.some((text) => text.includes(value)))).toEqual([]);
    expect(kept.filter((value) => readFileSync(at('inside/openemr-accounts.sql'), 'utf8').includes(value))).toEqual([]);
  });

  it('gives the four accounts what is declared and nothing else, over whatever they had', async () => {
    await services.inside.adminSql("GRANT ALL PRIVILEGES ON openemr.* TO 'agent_reader'@'127.0.0.1'");
    for (const statement of readFileSync(at('inside/openemr-accounts.sql'), 'utf8').split(';\n')) {
      const sql = statement.replace(/^--.*$/gm, '').trim();
      if (sql !== '') {
        await services.inside.adminSql(sql);
      }
    }
    const names = { openemr: 'openemr', ledger: 'portal_ledger' };
    expect(await compareGrants('inside', services.inside.mariadb.socket, names)).toEqual({ missing: [], excess: [] });
    const config = readAgentConfig(environment());
    const { host, port, caFile, openemrName: database } = config.database;
    const pool = createOpenEmrPool({ host, port, caFile, database, ...config.reader });
    await assertReadableOpenEmr(pool);
    await pool.end();
  });

  it('writes an environment with every variable, which the agent takes as it is', () => {
    const text = readFileSync(at('inside/inside.env'), 'utf8');
    for (const name of AGENT_VARIABLES) {
      expect(text).toMatch(new RegExp(`^# .+\\n#?${name}=`, 'm'));
    }
    const config = readAgentConfig(environment());
    expect(config.pools).toEqual({ default: 'frontdesk' });
    expect(config.openemrApi?.url).toBe('https://emr.clinic.example');
    expect(readOwnerConfig(environment()).owner.user).toBe('ledger_owner');
    expect(KeyStore.open(config.keyDir, config.siteId).statements).toHaveLength(2);
  });

  it('asks for no account that reads the binlog where changes are to be polled', async () => {
    const root = mkdtempSync(join(tmpdir(), 'setup-'));
    try {
      const { made } = await writeSetup({ ...answers, feed: 'polling' }, { folder: root, ...KEPT });
      expect(made).not.toContain('inside/agent_feed.password');
      const sql = readFileSync(join(root, 'inside/openemr-accounts.sql'), 'utf8');
      expect(sql).toContain("'agent_reader'@'127.0.0.1'");
      expect(sql).not.toMatch(/agent_feed'|REPLICATION|BINLOG/);
      expect(readAgentConfig(environment(root)).feed).toEqual({
        kind: 'polling',
        passEvery: 600_000,
        lookEvery: 5_000,
      });
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('makes certificates with which gateway and agent know each other, and new ones when asked', async () => {
    await handshake();
    const before = readFileSync(at('dmz/gateway.crt'), 'utf8');
    const authority = readFileSync(at('private/crossing-ca.crt'), 'utf8');
    const renewed = await writeSetup(answers, { folder, renewCertificates: true, renewFiles: false });
    expect(renewed.made.sort()).toEqual(['dmz/gateway.crt', 'inside/agent.crt']);
    expect(readFileSync(at('dmz/gateway.crt'), 'utf8')).not.toBe(before);
    expect(readFileSync(at('private/crossing-ca.crt'), 'utf8')).toBe(authority);
    await handshake();
    const days = (new X509Certificate(before).validToDate.getTime() - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(398);
  });

  it('tells what other answers would change, and changes it only when asked; keys and passwords never', async () => {
    const before = contents();
    const moved = { ...answers, gatewayUrl: 'https://198.51.100.11:8443' };
    const told = await writeSetup(moved, { folder, ...KEPT });
    expect(told).toMatchObject({ made: [], different: ['inside/inside.env'] });
    expect(contents()).toEqual(before);
    expect((await writeSetup(moved, { folder, renewCertificates: false, renewFiles: true })).made).toEqual([
      'inside/inside.env',
    ]);
    const changed = [...contents()].filter(([name, text]) => before.get(name) !== text).map(([name]) => name);
    expect(changed).toEqual(['inside/inside.env']);
  });

  it.each(['7.0.1', '6.0.0', '9.1.0', 'nonsense'])(
    'writes nothing for OpenEMR %s and names the known ones',
    async (version) => {
      const before = contents();
      const refused = writeSetup({ ...answers, openemrVersion: version }, { folder: at('other'), ...KEPT });
      await expect(refused).rejects.toThrow(VersionUnknown);
      await expect(refused).rejects.toThrow(KNOWN_VERSIONS.join(', '));
      expect(contents()).toEqual(before);
    },
  );

  it('reads the installed version where OpenEMR keeps it', async () => {
    const clinic = await openClinic(services, 'openemr');
    // As OpenEMR's own installation makes it; it is not among the recorded tables.
    await clinic.query('CREATE TABLE version (v_major int NOT NULL, v_minor int NOT NULL, v_patch int NOT NULL)');
    await expect(readInstalledVersion(clinic)).rejects.toThrow(VersionUnknown);
    await clinic.query('INSERT INTO version VALUES (8, 1, 1)');
    expect(await readInstalledVersion(clinic)).toBe('8.1.1');
    await clinic.query('UPDATE version SET v_major = 6');
    await expect(readInstalledVersion(clinic)).rejects.toThrow('6.1.1');
    await clinic.end();
  });

  it.each<[flag: string, wrong: GivenAnswers]>([
    ['--agent-host', { agentHost: '%' }],
    ['--agent-host', { agentHost: "10.0.0.1' WITH GRANT OPTION; --" }],
    ['--openemr-database', { openemrDatabase: 'a`b' }],
    ['--ledger-database', { ledgerDatabase: '../x' }],
    ['--openemr-url', { openemrUrl: 'http://emr.clinic.example' }],
    ['--gateway-url', { gatewayUrl: 'gateway' }],
    ['--database-port', { databasePort: '99999' }],
    ['--pool', { pool: "front'desk" }],
    ['--pool', { pool: undefined }],
    ['--feed', { feed: 'guessing' }],
  ])('names %s when its answer is %j', async (flag, wrong) => {
    const given = { ...answers, databasePort: String(answers.databasePort), ...wrong };
    await expect(completeAnswers(given, false)).rejects.toThrow(AnswersRefused);
    await expect(completeAnswers(given, false)).rejects.toThrow(flag);
  });

  it('takes no key for a CA file', async () => {
    const wrong = { ...answers, openemrCa: at('inside/agent.key') };
    await expect(writeSetup(wrong, { folder, ...KEPT })).rejects.toThrow(AnswersRefused);
  });

  /** What the files of Redis, made elsewhere, would add. */
  function environment(root = folder): Record<string, string> {
    const inside = join(root, 'inside');
    writeFileSync(join(inside, 'sync_agent.password'), 'of-the-redis-of-the-inside', { mode: 0o600 });
    writeFileSync(join(inside, 'inside-ca.crt'), readFileSync(services.inside.redis.caFile));
    const lines = readFileSync(join(inside, 'inside.env'), 'utf8').split('\n');
    const set = lines.filter((line) => /^[A-Z_]+=/.test(line));
    return Object.fromEntries(
      set.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).replace(/^'|'$/g, '')]),
    );
  }

  /** TLS 1.3 as gateway and agent have it, both sides checked. */
  async function handshake(): Promise<void> {
    const read = (name: string): string => readFileSync(at(name), 'utf8');
    const ca = read('dmz/crossing-ca.crt');
    const server = createServer({
      ca,
      cert: read('dmz/gateway.crt'),
      key: read('dmz/gateway.key'),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = connect({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      ca,
      cert: read('inside/agent.crt'),
      key: read('inside/agent.key'),
      servername: 'sync-gateway.dmz',
    });
    const [accepted] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
    const socket = accepted[0] as { getPeerCertificate(): { subject: { CN: string } } };
    expect(socket.getPeerCertificate().subject.CN).toBe('sync-agent');
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});
