import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { parseInviteCode } from 'sync-contract/invite';
import { readSecret } from 'infra/services/data-folder';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { z } from 'zod';
import type { AgentConfig } from '../src/config.js';
import { runInvite } from '../src/enrol/invite.command.js';
import { Invite } from '../src/ledger/enrolment.entities.js';
import { DeliverUnderTest, ORIGIN, SITE } from './deliver-under-test.js';

let agent: DeliverUnderTest;
let queues: TestDatabases;

beforeAll(async () => {
  agent = await DeliverUnderTest.start('enrol_command');
  queues = await createTestDatabases('enrol_command_queues');
});
afterAll(async () => {
  await queues.drop();
  await agent[Symbol.asyncDispose]();
});

function config(changes: Partial<AgentConfig> = {}): AgentConfig {
  const { inside: zone } = testServices();
  const account = (user: string): AgentConfig['reader'] => ({ user, password: readSecret(zone.secretFile(user)) });
  const tls = join(zone.dir, 'tls');
  return {
    siteId: SITE,
    logLevel: 'fatal',
    keyDir: agent.keyDir,
    // Nothing listens there: the command needs no gateway.
    gateway: {
      url: 'https://127.0.0.1:1',
      caFile: join(tls, 'crossing-ca.crt'),
      name: 'sync-gateway.dmz',
      certFile: join(tls, 'agent.crt'),
      keyFile: join(tls, 'agent.key'),
    },
    database: agent.address,
    reader: account('agent_reader'),
    writer: account('agent_writer'),
    feed: { kind: 'binlog', account: account('agent_feed') },
    redis: { ...zone.redis, ...account('sync_agent') },
    queuePrefix: queues.insideQueuePrefix,
    portalOrigin: ORIGIN,
    pools: { default: 'admin' },
    messagesPerDay: 200,
    reconciliation: { every: 900, hour: 2 },
    ...changes,
  };
}

const Printed = z.object({ inviteId: z.string(), code: z.string(), link: z.url(), expiresAt: z.iso.datetime() });

describe('the invite command', () => {
  it('prints code, link, expiry and a QR code, with the gateway away', async () => {
    const text = await runInvite(config(), { pid: 5005 });
    const code = /^Invite code +(\S+)$/m.exec(text)?.[1] ?? '';
    const { inviteId } = parseInviteCode(code);
    expect(text).toContain(`Link          ${ORIGIN}/#/join?code=${code}`);
    expect(text).toMatch(/^Valid until +\d{4}-\d{2}-\d{2}T/m);
    expect(text.split('\n').filter((line) => /^[▀▄█ ]*[▀▄█][▀▄█ ]*$/.test(line)).length).toBeGreaterThan(15);
    expect(await agent.ledger.manager.existsBy(Invite, { inviteId, state: 'open' })).toBe(true);
  });

  it('prints JSON for scripts, and says when a code replaced another', async () => {
    const printed = Printed.parse(JSON.parse(await runInvite(config(), { pid: 5006, json: true })));
    expect(parseInviteCode(printed.code).inviteId).toBe(printed.inviteId);
    expect(await runInvite(config(), { pid: 5006 })).toContain('An earlier unused code of this patient is void');
    expect(JSON.parse(await runInvite(config(), { pid: 5006, json: true, void: true }))).toEqual({ withdrawn: 1 });
  });

  it('issues the code with Redis away, within seconds', async () => {
    const started = Date.now();
    const redis = { ...config().redis, port: 1 };
    const printed = Printed.parse(JSON.parse(await runInvite(config({ redis }), { pid: 5008, json: true })));
    expect(await agent.ledger.manager.existsBy(Invite, { inviteId: printed.inviteId, state: 'open' })).toBe(true);
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it('refuses an unknown patient in one sentence that names nobody', async () => {
    await expect(runInvite(config(), { pid: 4_000_000 })).rejects.toMatchObject({
      code: 'invite-refused',
      message: 'OpenEMR has no patient with pid 4000000.',
    });
  });
});
