import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { newRef } from 'sync-contract/identifiers';
import { z } from 'zod';
import { AuditService } from '../../portal-api/src/audit/audit.service.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { Transient } from '../src/gateway-client/gateway-failures.js';
import { HeartbeatState } from '../src/ledger/change-feed.entities.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { markDirty } from '../src/ledger/dirty.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { RestoreStep } from '../src/ledger/restore.entities.js';
import { HeartbeatSender } from '../src/replicate/heartbeat.js';
import { HeartbeatAhead, ReplicaAhead } from '../src/replicate/replica-ahead.js';
import { LATER_RENDERS } from '../src/replicate/later-pace.js';
import { describeStatus, readStatus } from '../src/replicate/read-status.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { pushSteps } from '../src/restore/push-steps.js';
import { QueuesService } from '../src/queues/queues.service.js';
import { AgentUnderTest, openClinic, STANDING_FEED, until } from './agent-under-test.js';

const PIDS = [5001, 5002, 5003, 5004, 5005, 5006];
const OTHER_PID = 5007;
const RETRIES = 10;

/** A ledger that was restored from a backup is behind what it once sent. */
describe('a DMZ that holds numbers this ledger never made', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  const refs: string[] = [];

  beforeAll(async () => {
    under = await AgentUnderTest.start('stops');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    for (const pid of PIDS) {
      refs.push(await under.invite(pid));
    }
    await under.ledger.query('INSERT INTO marker_seen (file_no, file_offset, at) VALUES (1, 1, UTC_TIMESTAMP(6))');
  });

  beforeEach(() => {
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
  });

  afterEach(async () => {
    await gateway.close();
  });

  afterAll(async () => {
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  const replicate = (patientRef: string): Promise<Outcome> =>
    replicateChart(
      {
        ledger: under.ledger,
        reader: pool,
        keys: under.keys,
        tables: under.tables,
        gateway,
        recent: new RecentChanges(),
        feed: STANDING_FEED,
      },
      patientRef,
    );
  const chart = (patientRef: string): Promise<Chart> => under.ledger.manager.findOneByOrFail(Chart, { patientRef });
  const change = async (pid: number, street: string): Promise<void> => {
    await changeDemographics(under.clinic, { pid, street });
    await markDirty(under.ledger.manager, pid, ['profile']);
  };
  /** Pushes `seq` versions and takes the ledger back to the second. */
  const restored = async (pid: number, patientRef: string, seq: number): Promise<void> => {
    for (let i = 0; i < seq; i += 1) {
      await change(pid, `${String(i)} Elm Court`);
      expect(await replicate(patientRef)).toBe('pushed');
    }
    await under.ledger.query('UPDATE chart SET seq = 2, attempted_seq = 2 WHERE patient_ref = UNHEX(?)', [patientRef]);
    await change(pid, 'after the restore');
  };

  it.each([
    ['far ahead', 0, 8],
    ['ahead by one', 1, 3],
  ])('stop a chart for good when the DMZ is %s: retries neither wake it nor move its number', async (_name, i, seq) => {
    const [pid, ref] = [PIDS[i] ?? 0, refs[i] ?? ''];
    await restored(pid, ref, seq);
    await expect(replicate(ref)).rejects.toThrow(ReplicaAhead);
    const { attemptedSeq } = await chart(ref);
    expect(attemptedSeq).toBe(3);
    for (let retry = 0; retry < RETRIES; retry += 1) {
      await change(pid, `retry ${String(retry)}`);
      expect(await replicate(ref)).toBe('not replicated');
    }
    expect((await chart(ref)).attemptedSeq).toBe(attemptedSeq);
    const stored = await under.stored(ref);
    expect(stored?.manifest.seq).toBe(seq);
    expect(JSON.stringify(stored?.sections.get('profile') ?? '')).not.toContain('retry');
    const status = await readStatus(under.ledger.manager);
    expect(status.chartsStopped).toBe(i + 1);
    expect(describeStatus(status)).toContain('stopped: the DMZ holds a newer version of this chart');
    expect(describeStatus(status)).toContain('run `sync-agent restore`');
  });

  it('are still noticed after many retries against a gateway that was away', async () => {
    const [pid, ref] = [PIDS[2] ?? 0, refs[2] ?? ''];
    await restored(pid, ref, 8);
    await under.stopGateway();
    for (let retry = 0; retry < RETRIES; retry += 1) {
      await expect(replicate(ref)).rejects.toThrow(Transient);
    }
    expect((await chart(ref)).attemptedSeq).toBe(3);
    await under.startGateway();
    await expect(replicate(ref)).rejects.toThrow(ReplicaAhead);
    expect((await under.stored(ref))?.manifest.seq).toBe(8);
  });

  it.each([
    ['by an agent that starts', true],
    ['by an agent that is running', false],
  ])('stop the heartbeats for good, noticed %s', async (_name, fresh) => {
    const number = async (): Promise<number> =>
      (await under.ledger.manager.findOneByOrFail(HeartbeatState, { id: 1 })).seq;
    await under.ledger.query('DELETE FROM heartbeat_state');
    await under.portal.query('DELETE FROM heartbeat');
    const first = new HeartbeatSender(under.ledger, under.keys, gateway);
    for (let i = 0; i < 5; i += 1) {
      expect(await first.send()).toBe(true);
    }
    await under.ledger.query('UPDATE heartbeat_state SET seq = 2');
    const sender = fresh ? new HeartbeatSender(under.ledger, under.keys, gateway) : first;
    if (fresh) {
      await under.stopGateway();
      for (let retry = 0; retry < RETRIES; retry += 1) {
        await expect(sender.send()).rejects.toThrow(Transient);
      }
      await under.startGateway();
    }
    await expect(sender.send()).rejects.toThrow(HeartbeatAhead);
    const stoppedAt = await number();
    expect(stoppedAt).toBe(fresh ? 2 : 3);
    for (let retry = 0; retry < RETRIES; retry += 1) {
      expect(await sender.send()).toBe(false);
    }
    expect(await number()).toBe(stoppedAt);
    expect((await under.heartbeat())?.seq).toBe(5);
    const status = await readStatus(under.ledger.manager);
    expect(status.heartbeatStopped).toBe(true);
    expect(describeStatus(status)).toContain('stopped: the ledger is behind the DMZ');
  });
});

describe('an OpenEMR that does not answer what a load asks', () => {
  it('holds up neither heartbeats nor a change of the day on another chart', async () => {
    await using under = await AgentUnderTest.start('slow');
    for (const pid of PIDS) {
      await under.invite(pid);
    }
    const other = await under.invite(OTHER_PID);
    await under.startAgent();
    await under.clean();
    await until('a heartbeat is there', async () => (await under.heartbeat()) !== null);
    const slow = await openClinic(under.zones, under.databases.openemr);
    await slow.query('LOCK TABLES form_vitals WRITE');
    try {
      for (const pid of PIDS) {
        await markDirty(under.ledger.manager, pid, ['vitals']);
      }
      await until('all places of the load wait', async () => {
        const waiting = await under.zones.inside.adminSql(
          "SELECT ID FROM information_schema.processlist WHERE STATE LIKE 'Waiting for table%' AND DB = ?",
          [under.databases.openemr],
        );
        return waiting.length >= LATER_RENDERS;
      });
      const before = (await under.heartbeat())?.seq ?? 0;
      await changeDemographics(under.clinic, { pid: OTHER_PID, street: '31 Elm Court' });
      await until('the change is in the DMZ', async () =>
        JSON.stringify((await under.stored(other))?.sections.get('profile')).includes('31 Elm Court'),
      );
      await until('the next heartbeat', async () => ((await under.heartbeat())?.seq ?? 0) > before, 20_000);
      const { progress } = await readStatus(under.ledger.manager);
      expect(progress.waiting).toBe(PIDS.length);
    } finally {
      // Ends its locks, too.
      slow.destroy();
    }
    await under.clean();
    expect((await readStatus(under.ledger.manager)).progress).toMatchObject({ waiting: 0, secondsLeft: 0 });
  }, 120_000);
});

describe('a load', () => {
  it('brings first whose charts somebody looks at, the last one before, also out of its middle', async () => {
    await using under = await AgentUnderTest.start('load');
    const refs: string[] = [];
    for (const pid of [...PIDS, OTHER_PID]) {
      refs.push(await under.invite(pid));
    }
    const agent = await under.startAgent();
    await under.clean();
    const refills = async (): Promise<number> => (await agent.get(QueuesService).lengths()).get('refills') ?? 0;
    await until('the first load is over', async () => (await refills()) === 0);
    const [, , , , lookedAtBefore = '', , lookedAtLast = ''] = refs;
    const slow = await openClinic(under.zones, under.databases.openemr);
    await slow.query('LOCK TABLES form_vitals WRITE');
    try {
      await under.ledger.query("UPDATE chart_section SET content_hash = REPEAT('0', 32) WHERE record_class = 'vitals'");
      for (const pid of [...PIDS, OTHER_PID]) {
        await markDirty(under.ledger.manager, pid, ['vitals']);
      }
      await until('all wait', async () => (await refills()) === refs.length);
      const audit = new AuditService(under.portal);
      for (const onBehalfOf of [lookedAtBefore, lookedAtLast]) {
        await audit.record({ action: 'chart-read', outcome: 'ok', actor: newRef(), onBehalfOf });
      }
      await until('two wait twice', async () => (await refills()) === refs.length + 2);
    } finally {
      // Ends its locks, too.
      slow.destroy();
    }
    await under.clean();
    const pushed: unknown = await under.portal.query(
      'SELECT LOWER(HEX(patient_ref)) AS patientRef FROM chart ORDER BY updated_at',
    );
    const order = z.array(z.object({ patientRef: z.string() })).parse(pushed);
    // Behind those that had a place already; what waited so long goes on one by one.
    expect(order.slice(LATER_RENDERS, LATER_RENDERS + 2).map(({ patientRef }) => patientRef)).toEqual([
      lookedAtLast,
      lookedAtBefore,
    ]);
  }, 120_000);
});

describe('a DMZ that forgot what it acknowledged', () => {
  it('gets everything again; soon after another time that waits, and is not forgotten', async () => {
    await using under = await AgentUnderTest.start('refill');
    await under.invite(PIDS[0] ?? 0);
    await under.ledger.query('INSERT INTO marker_seen (file_no, file_offset, at) VALUES (1, 1, UTC_TIMESTAMP(6))');
    await under.ledger.query('DELETE FROM dirty');
    const connection = new GatewayConnection(under.config.gateway);
    const gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    const restartedAgent = (): HeartbeatSender => new HeartbeatSender(under.ledger, under.keys, gateway);
    /** Two heartbeats: with the second the ledger knows that the first was taken. */
    const acknowledged = async (): Promise<void> => {
      const sender = restartedAgent();
      expect([await sender.send(), await sender.send()]).toEqual([true, true]);
    };
    const streamsTold = async (): Promise<void> => {
      expect(await under.count("restore_step WHERE step = 'streams'")).toBe(1);
      await under.ledger.query("DELETE FROM restore_step WHERE step = 'streams'");
    };
    const forgets = async (): Promise<void> => {
      await under.portal.query('DELETE FROM heartbeat');
    };
    try {
      await under.ledger.query('INSERT INTO heartbeat_state (id, era, seq) VALUES (1, 1, 1)');
      expect(await restartedAgent().send()).toBe(true);
      expect(await under.count('dirty')).toBe(0);

      await acknowledged();
      await forgets();
      expect(await restartedAgent().send()).toBe(true);
      expect(await under.count('dirty')).toBeGreaterThan(0);

      await under.ledger.query('DELETE FROM dirty');
      await streamsTold();
      await acknowledged();
      await forgets();
      expect(await restartedAgent().send()).toBe(true);
      expect(await under.count('dirty')).toBe(0);
      expect(await under.count("restore_step WHERE step = 'refill'")).toBe(1);
      await streamsTold();

      await under.ledger.query('UPDATE heartbeat_state SET refilled_at = DATE_SUB(refilled_at, INTERVAL 1 HOUR)');
      expect(await restartedAgent().send()).toBe(true);
      expect(await under.count('dirty')).toBeGreaterThan(0);
      expect(await under.count("restore_step WHERE step = 'streams'")).toBe(1);
      expect(await under.count("restore_step WHERE step = 'refill'")).toBe(0);
    } finally {
      await gateway.close();
    }
  });

  it('is believed when it says so: streams at once, everything once in a while, and no number of its own', async () => {
    await using under = await AgentUnderTest.start('told');
    await under.invite(PIDS[0] ?? 0);
    await under.ledger.query('INSERT INTO marker_seen (file_no, file_offset, at) VALUES (1, 1, UTC_TIMESTAMP(6))');
    const connection = new GatewayConnection(under.config.gateway);
    const gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    const sender = new HeartbeatSender(under.ledger, under.keys, gateway);
    const steps = async (): Promise<string[]> =>
      (await under.ledger.manager.find(RestoreStep, { order: { step: 'ASC' } })).map(({ step }) => step);
    /** Restored by its own command, with a new connection; the first time nothing was ever acknowledged. */
    const saysSo = async (): Promise<void> => {
      await under.portal.query('REPLACE INTO restored (id, at) VALUES (1, UTC_TIMESTAMP(3))');
      await gateway.hello();
    };
    const sentFrom = async (seq: number): Promise<void> => {
      await under.ledger.query('DELETE FROM dirty');
      expect(await sender.send()).toBe(true);
      expect((await under.ledger.manager.findOneByOrFail(HeartbeatState, { id: 1 })).seq).toBe(seq + 1);
      expect((await under.heartbeat())?.seq).toBe(seq + 1);
    };
    try {
      await under.ledger.query('INSERT INTO heartbeat_state (id, era, seq) VALUES (1, 1, 0)');
      await saysSo();
      await sentFrom(0);
      expect(await steps()).toEqual(['streams']);
      expect(await under.count('dirty')).toBeGreaterThan(0);

      // Said again while the first word is being acted on.
      await saysSo();
      await sentFrom(1);
      expect([await under.count('dirty'), await steps()]).toEqual([0, ['streams']]);

      expect(await pushSteps({ gateway, ledger: under.ledger })).toEqual(['streams']);
      expect(await gateway.hello()).toMatchObject({ restored: false });
      await sentFrom(2);
      expect([await under.count('dirty'), await steps()]).toEqual([0, []]);

      for (const seq of [3, 4]) {
        await saysSo();
        await sentFrom(seq);
        expect([await under.count('dirty'), await steps()]).toEqual([0, ['refill', 'streams']]);
        await pushSteps({ gateway, ledger: under.ledger });
      }
    } finally {
      await gateway.close();
    }
  });
});
