import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { freeServicePorts } from 'infra/services/ports';
import { startServices, type Services } from 'infra/services/services';
import { SmallDisk } from 'infra/services/small-disk';
import { temporaryDataDir } from 'infra/services/test-services';
import type { Zone } from 'infra/zones/zones';
import { collectOutbox, CollectionIncomplete } from '../src/collect/collect-outbox.js';
import { whyIncomplete } from '../src/collect/why-incomplete.js';
import { createLedgerDataSource } from '../src/ledger/ledger-database.js';
import { readStuckSeconds } from '../src/ledger/stuck-statements.js';
import { Submission } from '../src/ledger/submission.entities.js';
import { readBacklog } from '../src/replicate/read-backlog.js';
import { readStatus } from '../src/replicate/read-status.js';
import { account, AgentUnderTest, until } from './agent-under-test.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { DeliverUnderTest } from './deliver-under-test.js';

/** Hold MariaDB's files of a new installation and some more. */
const DMZ_MIB = 192;
const INSIDE_MIB = 448;

async function onSmallDisk(folder: string, mebibytes: number): Promise<{ services: Services; disk: SmallDisk }> {
  const dataDir = temporaryDataDir();
  const disk = SmallDisk.over(join(dataDir, folder), mebibytes);
  return { services: await startServices({ dataDir, ports: await freeServicePorts() }), disk };
}

async function end(services: Services, disk: SmallDisk): Promise<void> {
  await services.stop();
  disk[Symbol.dispose]();
  rmSync(services.dataDir, { recursive: true, force: true });
}

/** Starts MariaDB again when it has ended itself on the full disk, as a host does. */
async function supervise(services: Services, zone: Zone): Promise<void> {
  if (services[zone].mariadb.pid === undefined) {
    await services.restart(zone, 'mariadb');
  }
}

describe('with the disk of the DMZ full', () => {
  let services: Services;
  let disk: SmallDisk;
  let under: AgentUnderTest;

  beforeAll(async () => {
    ({ services, disk } = await onSmallDisk('dmz/mariadb', DMZ_MIB));
    under = await AgentUnderTest.start('disk_full', { zones: services });
  });
  afterAll(async () => {
    await under[Symbol.asyncDispose]();
    await end(services, disk);
  });

  it('the agent says so, keeps what the DMZ could not take, and the chart is whole once there is room', async () => {
    const first = await under.invite(5005);
    await under.startAgent();
    await until('the first chart is pushed', async () => (await under.stored(first)) !== null);
    await under.clean();
    disk.fill();
    const refs: string[] = [];
    for (const pid of [5001, 5002, 5003, 5004, 5006, 5007, 5008, 5009, 5010]) {
      refs.push(await under.invite(pid));
    }
    await until('a push is refused', () => under.log.says('507 (no-room)') || services.dmz.mariadb.pid === undefined);
    expect(await under.count('dirty')).toBeGreaterThan(0);
    disk.clear();
    await under.stopAgent();
    await under.startAgent();
    await until('nothing is dirty', async () => {
      await supervise(services, 'dmz');
      return (await under.count('dirty')) === 0;
    });
    for (const ref of refs) {
      const stored = await under.stored(ref);
      expect(stored?.sections.size).toBeGreaterThan(3);
      expect(stored?.manifest.sections).toHaveLength(stored?.sections.size ?? -1);
    }
  });
});

describe('with the disk of OpenEMR’s database full', () => {
  let services: Services;
  let disk: SmallDisk;
  let agent: DeliverUnderTest;
  let patient: JoinedPatient;

  beforeAll(async () => {
    ({ services, disk } = await onSmallDisk('inside/mariadb', INSIDE_MIB));
    agent = await DeliverUnderTest.startAlone(services);
    patient = await agent.joinedPatient(5005);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await end(services, disk);
  });

  /** @param characters of a message; long ones lie in pages of their own */
  async function submit(messages: number, characters: number): Promise<void> {
    for (let n = 0; n < messages; n += 1) {
      await agent.dmz.submitMessage(patient, { body: randomBytes((characters * 3) / 4).toString('base64') });
    }
  }

  const ledgerAnswers = (): Promise<void> =>
    until('the ledger answers', async () => {
      await supervise(services, 'inside');
      return agent.ledger.query('SELECT 1').then(
        () => true,
        () => false,
      );
    });

  /** What was acknowledged is in the ledger, and the DMZ has all that is not. */
  async function expectNoneLost(messages: number, ackedBefore: number): Promise<void> {
    const inLedger = await agent.ledger.manager.countBy(Submission, { kind: 'message' });
    expect(agent.dmz.acked.length - ackedBefore).toBeLessThanOrEqual(inLedger);
    expect(inLedger).toBeLessThan(messages);
    expect(agent.dmz.outbox.length).toBe(messages - (agent.dmz.acked.length - ackedBefore));
  }

  /** As the administrator: connections of the clinic end with the server. */
  const openemr = (sql: string): ReturnType<typeof services.inside.adminSql> => services.inside.adminSql(sql);

  async function expectEachOnce(messages: number): Promise<void> {
    const [states] = await agent.ledger.query<{ n: string; done: string }[]>(
      "SELECT COUNT(*) AS n, SUM(state = 'DONE') AS done FROM submission WHERE kind = 'message'",
    );
    expect([Number(states?.n), Number(states?.done)]).toEqual([messages, messages]);
    const copies = await openemr("SELECT COUNT(*) AS n FROM openemr.onsite_mail WHERE owner <> 'nobody' GROUP BY body");
    expect(copies.map((row) => Number(row['n']))).toEqual(Array.from({ length: messages }, () => 2));
    expect(agent.dmz.outbox).toEqual([]);
  }

  beforeEach(async () => {
    await agent.ledger.query("DELETE FROM submission WHERE kind = 'message'");
    await openemr("DELETE FROM openemr.onsite_mail WHERE owner <> 'nobody'");
  });

  /** The binary log is elsewhere, as many keep it; then the tables are what finds no room. */
  const withLogElsewhere = async (): Promise<void> => {
    await services.restart('inside', 'mariadb', { log_bin: join(services.dataDir, 'inside/logs/binlog') });
    await ledgerAnswers();
  };

  it('what the ledger could not commit is not acknowledged and stays in the DMZ, and arrives once when there is room', async () => {
    await withLogElsewhere();
    await submit(150, 1_500);
    disk.fill();
    const acked = agent.dmz.acked.length;
    const failure: unknown = await agent.collect().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CollectionIncomplete);
    expect(whyIncomplete(failure)).toEqual({
      error: 'collection-incomplete',
      cause: 'ER_RECORD_FILE_FULL',
      reason: expect.stringMatching(/disk .* is full/),
    });
    await expectNoneLost(150, acked);
    disk.clear();
    await agent.collectAndDeliver();
    await expectEachOnce(150);
  }, 120_000);

  it('a MariaDB that ends itself on the full disk loses nothing either, while collecting and while delivering', async () => {
    await withLogElsewhere();
    await submit(20, 15_000);
    disk.fill();
    const acked = agent.dmz.acked.length;
    await expect(agent.collect()).rejects.toThrow();
    disk.clear();
    await ledgerAnswers();
    await expectNoneLost(20, acked);
    await agent.collect();
    disk.fill();
    await expect(agent.deliver()).rejects.toThrow();
    disk.clear();
    await ledgerAnswers();
    await agent.collectAndDeliver();
    await expectEachOnce(20);
  }, 120_000);

  it('a binary log without room makes the server wait: nothing is acknowledged, the wait is seen, and all of it arrives once', async () => {
    await services.restart('inside', 'mariadb');
    await ledgerAnswers();
    const writer = account(services, 'agent_writer');
    const impatient = await createLedgerDataSource(agent.address, writer, 4_000).initialize();
    await submit(1, 3_500);
    disk.fill();
    const acked = agent.dmz.acked.length;
    const failure: unknown = await collectOutbox(agent.collection({ ledger: impatient }), 0).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(CollectionIncomplete);
    expect(agent.dmz.acked).toHaveLength(acked);
    expect(agent.dmz.outbox).toHaveLength(1);
    await until('the wait is seen', async () => (await readStuckSeconds(agent.ledger.manager)) !== null);
    expect((await readStatus(agent.ledger.manager)).submissionsWaiting).toBe(0);
    expect((await readBacklog(agent.ledger.manager)).inwards.waiting).toBe(0);

    disk.clear();
    await until('the server goes on', async () => (await readStuckSeconds(agent.ledger.manager)) === null, 90_000);
    await agent.collectAndDeliver();
    await impatient.destroy();
    await expectEachOnce(1);
  }, 240_000);
});
