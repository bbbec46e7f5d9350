import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { inviteLookup, parseInviteCode } from 'sync-contract/invite';
import { readSecret } from 'infra/services/data-folder';
import { withRedis } from 'infra/services/redis-client';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { DataSource } from 'typeorm';
import { GatewayConfig } from 'portal-api/src/gateway-config';
import { dataSourceOptions } from 'portal-api/src/database/data-source';
import { Doorbell } from 'portal-api/src/doorbell/doorbell';
import { createGateway } from 'portal-api/src/gateway/gateway-app';
import { databaseOf, freshPortalDatabase, redisOf } from '../../portal-api/test/gateway-under-test.js';
import { NO_ORIGIN, SubmissionsUnderTest, buildMessage } from '../../portal-api/test/submissions-under-test.js';
import { AgentConfigModule } from '../src/agent-config.module.js';
import { CollectModule } from '../src/collect/collect.module.js';
import type { AgentConfig } from '../src/config.js';
import { DeliverModule } from '../src/deliver/deliver.module.js';
import { EnrolModule } from '../src/enrol/enrol.module.js';
import { GatewayClientModule } from '../src/gateway-client/gateway-client.module.js';
import { Submission } from '../src/ledger/submission.entities.js';
import { DeliverUnderTest, ORIGIN, SITE } from './deliver-under-test.js';
import { acceptedInvite } from './enrol-builders.js';

const PID = 5005;

let inside: DeliverUnderTest;
let queues: TestDatabases;
let dmz: { databases: TestDatabases; database: DataSource };
let gateway: NestFastifyApplication;
let gatewayPort: number;
let portal: SubmissionsUnderTest;
let doorbell: Doorbell;
let agent: INestApplicationContext;
let writer: DataSource;

function rootPublicKey(): Buffer {
  return Buffer.from(readFileSync(join(inside.keyDir, 'root.pub'), 'utf8').trim(), 'base64url');
}

async function startGateway(port = 0): Promise<void> {
  const { dmz: zone } = testServices();
  const app = await createGateway(
    new GatewayConfig({
      siteId: SITE,
      logLevel: 'silent',
      database: databaseOf('sync_gateway', dmz.databases.portal),
      redis: redisOf('sync_gateway'),
      listen: { host: '127.0.0.1', port },
      tls: {
        certificate: readFileSync(join(zone.dir, 'tls/gateway.crt'), 'utf8'),
        key: readFileSync(join(zone.dir, 'tls/gateway.key'), 'utf8'),
        agentCa: readFileSync(join(zone.dir, 'tls/crossing-ca.crt'), 'utf8'),
      },
      agentCommonName: 'sync-agent',
      rootPublicKey: rootPublicKey(),
    }),
  );
  await app.listen(port, '127.0.0.1');
  gateway = app;
  gatewayPort = (app.getHttpServer().address() as AddressInfo).port;
}

function agentConfig(): AgentConfig {
  const { inside: zone } = testServices();
  const account = (user: string) => ({ user, password: readSecret(zone.secretFile(user)) });
  const tls = join(zone.dir, 'tls');
  return {
    siteId: SITE,
    logLevel: 'fatal',
    keyDir: inside.keyDir,
    gateway: {
      url: `https://127.0.0.1:${String(gatewayPort)}`,
      caFile: join(tls, 'crossing-ca.crt'),
      name: 'sync-gateway.dmz',
      certFile: join(tls, 'agent.crt'),
      keyFile: join(tls, 'agent.key'),
    },
    database: inside.address,
    reader: account('agent_reader'),
    writer: account('agent_writer'),
    feed: account('agent_feed'),
    redis: { ...zone.redis, ...account('sync_agent') },
    queuePrefix: queues.insideQueuePrefix,
    portalOrigin: ORIGIN,
    pools: { default: 'admin' },
    messagesPerDay: 200,
  };
}

async function startAgent(): Promise<void> {
  @Module({})
  class CrossingModule {}
  agent = await NestFactory.createApplicationContext(
    {
      module: CrossingModule,
      imports: [AgentConfigModule.of(agentConfig()), GatewayClientModule, CollectModule, DeliverModule, EnrolModule],
    },
    { logger: false, abortOnError: false },
  );
}

const opened = new AsyncDisposableStack();

beforeAll(async () => {
  inside = opened.use(await DeliverUnderTest.start('crossing_inside'));
  queues = opened.use(await createTestDatabases('crossing_queues'));
  const { databases, database } = await freshPortalDatabase('crossing_dmz');
  opened.use(databases);
  opened.defer(() => database.destroy());
  dmz = { databases, database };
  writer = await new DataSource(dataSourceOptions(databaseOf('portal_api', databases.portal))).initialize();
  opened.defer(() => writer.destroy());
  await startGateway();
  opened.defer(() => gateway.close());
  portal = opened.use(
    await SubmissionsUnderTest.start({ site: SITE, rootPublicKey: rootPublicKey(), databaseName: databases.portal }),
  );
  doorbell = new Doorbell(redisOf('portal_api'), databases.portal);
  opened.defer(() => doorbell.onApplicationShutdown());
  await startAgent();
  opened.defer(() => agent.close());
});
afterAll(async () => {
  await opened.disposeAsync();
});

/** Looks again until it holds. @returns milliseconds waited */
async function until(what: string, holds: () => Promise<boolean>, limit = 30_000): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > limit) {
      throw new Error(`waited for ${what}`);
    }
    await delay(10);
  }
  return performance.now() - start;
}

const count = async (sql: string, values: unknown[]): Promise<number> => {
  const [row] = await dmz.database.query<{ n: string }[]>(sql, values);
  return Number(row?.n);
};

describe('over the real gateway', () => {
  let account: { accountRef: string; patientRef: string };

  it('an invite arrives in the DMZ, its acceptance inside, and the grant with the answer in the DMZ again', async () => {
    const invite = await inside.invite(PID);
    const { secret } = parseInviteCode(invite.code);
    const lookup = Buffer.from(inviteLookup(secret), 'hex');
    await until(
      'the invite',
      async () => (await count('SELECT COUNT(*) AS n FROM invite WHERE lookup = ?', [lookup])) === 1,
    );

    const { payload } = await acceptedInvite(SITE, invite.code, await inside.dateOfBirth(PID));
    const accountBytes = Buffer.from(payload.accountRef, 'hex');
    await dmz.database.query(
      `INSERT INTO account (account_ref, name_index, salt, verifier, public_key, private_key_wrapped, totp_wrapped, state, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'joining', UTC_TIMESTAMP(3))`,
      [
        accountBytes,
        ...[16, 16, 32].map((size) => randomBytes(size)),
        Buffer.from(payload.publicKey, 'base64url'),
        randomBytes(60),
        randomBytes(48),
      ],
    );
    await writer.transaction((manager) =>
      portal.service.submitEnrolment(manager, {
        accountRef: payload.accountRef,
        accountKey: randomBytes(32),
        payload,
        origin: NO_ORIGIN,
      }),
    );
    doorbell.ring();
    await until(
      'the active account',
      async () =>
        (await count("SELECT COUNT(*) AS n FROM account WHERE account_ref = ? AND state = 'active'", [
          accountBytes,
        ])) === 1,
    );
    await until(
      'the grant',
      async () => (await count('SELECT COUNT(*) AS n FROM chart_grant WHERE account_ref = ?', [accountBytes])) === 1,
    );
    const [grant] = await dmz.database.query<{ patient_ref: Buffer }[]>('SELECT patient_ref FROM chart_grant');
    account = { accountRef: payload.accountRef, patientRef: grant?.patient_ref.toString('hex') ?? '' };
  });

  it('messages become rows in OpenEMR, each at once, and are acknowledged', async () => {
    const waits: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const saved = await portal.service.submit(buildMessage({ ...account, text: `message ${String(n)}` }));
      waits.push(await until('the rows in OpenEMR', async () => (await inside.mails()).length === 2 * (n + 1)));
      await until(
        'the acknowledgement',
        async () =>
          (await count("SELECT COUNT(*) AS n FROM outbox WHERE stream = ? AND state = 'ACKED'", [
            Buffer.from(saved.stream, 'hex'),
          ])) === 1,
      );
    }
    process.stdout.write(`saved to row in OpenEMR, ms: ${waits.map((ms) => ms.toFixed(0)).join(' ')}\n`);
    // Far below the pause of any sweeper: no lease had to time out, no timer had to find the row.
    expect(Math.min(...waits)).toBeLessThan(1_500);
  });

  it('messages saved while Redis inside lost everything are delivered all the same', async () => {
    const before = (await inside.mails()).length;
    const { inside: zone } = testServices();
    const operator = readSecret(zone.secretFile('operator'));
    await withRedis(zone.redis, 'operator', operator, (redis) => redis.flushall());
    await portal.service.submit(buildMessage({ ...account, text: 'after the flush' }));
    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 2);
  });

  it('messages saved while the agent was off wait in the outbox and are delivered in order at its next start', async () => {
    const before = (await inside.mails()).length;
    await agent.close();
    const first = await portal.service.submit(buildMessage({ ...account, text: 'one' }));
    for (const text of ['two', 'three']) {
      await portal.service.submit(
        buildMessage({ ...account, text, threadId: first.stream, stream: { id: first.stream, claims: false } }),
      );
    }
    await delay(300);
    expect(await inside.mails()).toHaveLength(before);
    await startAgent();
    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 6);
    const bodies = (await inside.mails())
      .slice(before)
      .filter(({ owner }) => owner === 'admin')
      .map(({ body }) => String(body));
    expect(bodies).toEqual(['<p>one</p>', '<p>two</p>', '<p>three</p>']);
  });

  it('messages saved while the gateway was away are collected when it is back', async () => {
    const before = (await inside.mails()).length;
    await gateway.close();
    await portal.service.submit(buildMessage({ ...account, text: 'while away' }));
    await startGateway(gatewayPort);
    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 2);
  });

  it('a row that somebody altered in the DMZ is set aside inside and holds no other up', async () => {
    const before = (await inside.mails()).length;
    await agent.close();
    const poison = await portal.service.submit(buildMessage({ ...account, text: 'altered' }));
    const bytes = Buffer.from(poison.stream, 'hex');
    await dmz.database.query(
      `UPDATE outbox SET envelope = REPLACE(envelope, '"ct":"', '"ct":"AAAA') WHERE stream = ?`,
      [bytes],
    );
    await portal.service.submit(buildMessage({ ...account, text: 'sound' }));
    await startAgent();
    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 2);
    const { submissionId } = poison;
    await until('the quarantine', async () =>
      inside.ledger.manager.existsBy(Submission, { submissionId, state: 'QUARANTINED' }),
    );
    expect((await inside.ledger.manager.findOneByOrFail(Submission, { submissionId })).reason).toMatch(
      /^seal-broken: /,
    );
  });
});
