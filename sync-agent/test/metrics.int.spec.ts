import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentCheck } from 'infra/production/compose-file';
import { metricsNamed } from 'infra/prometheus/metric-names';
import { bucketRoot, heartbeatRoot } from 'sync-contract/heartbeat';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { labelSets, sampleOf, samplesOf, valuesOf } from '../../portal-api/test/metrics-under-test.js';
import { AppModule } from '../src/app.module.js';
import { freezePatient } from '../src/enrol/freeze-patient.js';
import { endAccess } from '../src/enrol/patients.command.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { markDirty, RENDERED_CLASSES } from '../src/ledger/dirty.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { AgentMetrics } from '../src/metrics/agent-metrics.js';
import { QUEUES, QueuesService } from '../src/queues/queues.service.js';
import { readBuckets } from '../src/replicate/heartbeat.js';
import { describeStatus, readStatus } from '../src/replicate/read-status.js';
import { AgentUnderTest, until } from './agent-under-test.js';

describe("the agent's metrics", () => {
  let agent: AgentUnderTest;
  let app: INestApplicationContext;
  let patientRef: string;

  beforeAll(async () => {
    agent = await AgentUnderTest.start('agent_metrics');
    patientRef = await agent.invite(5005);
    const config = { ...agent.config, metrics: { host: '127.0.0.1', port: 0 } };
    app = await NestFactory.createApplicationContext(AppModule.of(config), { logger: agent.log, abortOnError: false });
    await agent.clean();
  });
  afterAll(async () => {
    await app.close();
    await agent[Symbol.asyncDispose]();
  });

  async function scrape(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${String(app.get(AgentMetrics).port)}/metrics`)).text();
  }

  it('follow what happens', async () => {
    await until(
      'a heartbeat was sent, T is known and everything was compared',
      async () => {
        const text = await scrape();
        return (
          (sampleOf(text, 'agent_heartbeats_total', { outcome: 'sent' }) ?? 0) > 0 &&
          sampleOf(text, 'agent_replica_lag_seconds') !== undefined &&
          valuesOf(text, 'agent_reconciliation_age_seconds', 'with').join() === 'dmz,openemr'
        );
      },
      60_000,
    );
    const text = await scrape();
    expect(sampleOf(text, 'agent_render_duration_seconds_count', { outcome: 'pushed' })).toBeGreaterThan(0);
    expect(sampleOf(text, 'agent_charts')).toBe(1);
    expect(sampleOf(text, 'agent_charts_pushed')).toBe(1);
    expect(sampleOf(text, 'agent_dirty_rows')).toBe(0);
    expect(sampleOf(text, 'agent_charts_waiting')).toBe(0);
    expect(sampleOf(text, 'agent_load_seconds_left')).toBe(0);
    expect(valuesOf(text, 'agent_render_work_seconds_total', 'part')).toEqual([
      'crypto',
      'feed',
      'gateway',
      'openemr',
      'render',
    ]);
    expect(sampleOf(text, 'agent_openemr_rows_total')).toBeGreaterThan(10);
    const [held] = await agent.zones.dmz.adminSql(
      'SELECT COUNT(*) AS n, SUM(LENGTH(sealed)) AS bytes FROM ??.section',
      [agent.databases.portal],
    );
    expect(sampleOf(text, 'agent_sections_pushed_total')).toBeGreaterThanOrEqual(Number(held?.['n']));
    expect(sampleOf(text, 'agent_section_bytes_pushed_total')).toBeGreaterThanOrEqual(Number(held?.['bytes']));
    expect(Number(held?.['n'])).toBeGreaterThan(10);
    expect(sampleOf(text, 'agent_clock_skew_seconds')).toBeLessThan(5);
    expect(sampleOf(text, 'agent_database_clock_ahead_seconds')).toBe(0);
    expect(valuesOf(text, 'agent_queue_jobs', 'queue')).toEqual([...QUEUES].sort());
    expect((sampleOf(text, 'agent_certificate_expires_timestamp_seconds') ?? 0) * 1_000).toBeGreaterThan(Date.now());
  });

  it('tell the container’s health check that the agent follows OpenEMR, and nothing good of one that is gone', async () => {
    await until(
      'the feed has recorded its place',
      async () => (sampleOf(await scrape(), 'agent_binlog_position_age_seconds') ?? 1e9) < 60,
      60_000,
    );
    const { port = 0 } = app.get(AgentMetrics);
    expect(await healthOf(port)).toBe(0);
    expect(await healthOf(1)).toBe(1);
  });

  it('count a change feed that is down, and the charts that are not read until it is back', async () => {
    const { adminSql } = agent.zones.inside;
    const count = async (metric: string, labels: Record<string, string>): Promise<number> =>
      sampleOf(await scrape(), metric, labels) ?? 0;
    const renders = 'agent_render_duration_seconds_count';
    await agent.clean();
    await adminSql("ALTER USER agent_feed@'127.0.0.1' ACCOUNT LOCK");
    let pushed = Infinity;
    try {
      await adminSql('KILL USER agent_feed');
      await until('it is counted', async () => (await count('agent_feed_failures_total', { cause: 'not-asked' })) > 0);
      pushed = await count(renders, { outcome: 'pushed' });
      await agent.clinic.query("UPDATE patient_data SET street = '1 Waiting Way' WHERE pid = 5005");
      await markDirty(agent.ledger.manager, 5005, ['profile']);
      await until('the chart is left', async () => (await count(renders, { outcome: 'feed-is-down' })) > 0);
      expect(await count(renders, { outcome: 'pushed' })).toBe(pushed);
    } finally {
      await adminSql("ALTER USER agent_feed@'127.0.0.1' ACCOUNT UNLOCK");
    }
    await until('it is pushed', async () => (await count(renders, { outcome: 'pushed' })) > pushed);
    await agent.clean();
  });

  it('say which class is behind while a change of it waits, and no more once the DMZ has acknowledged it', async () => {
    const behind = async (): Promise<Record<string, number>> => {
      const samples = samplesOf(await scrape()).filter(({ name }) => name === 'agent_class_lag_seconds');
      expect(samples.map(({ labels }) => labels['class']).sort()).toEqual([...RENDERED_CLASSES].sort());
      return Object.fromEntries(
        samples.filter(({ value }) => value > 0).map(({ labels, value }) => [labels['class'] ?? '', value]),
      );
    };
    await agent.clean();
    await until('no class is behind', async () => Object.keys(await behind()).length === 0);
    const { seq } = await agent.ledger.manager.findOneByOrFail(Chart, { pid: 5005 });
    await agent.stopGateway();
    try {
      await agent.clinic.query(
        `INSERT INTO immunizations (uuid, patient_id, administered_date, cvx_code, create_date, update_date, created_by, updated_by)
          VALUES (UNHEX(MD5('lag')), 5005, '2026-11-02 09:00:00', '141', '2026-11-02 09:00:00', '2026-11-02 09:00:00', 1, 1)`,
      );
      await until('it is behind', async () => ((await behind())['immunizations'] ?? 0) >= 7);
      expect(Object.keys(await behind())).toEqual(['immunizations']);
      expect((await behind())['immunizations']).toBeLessThan(120);
      expect(describeStatus(await readStatus(agent.ledger.manager))).toMatch(
        /^replica: .*\nclasses behind: immunizations \d+ s$/m,
      );
    } finally {
      await agent.startGateway();
    }
    await until('it is not any more', async () => Object.keys(await behind()).length === 0);
    expect((await agent.ledger.manager.findOneByOrFail(Chart, { pid: 5005 })).seq).toBeGreaterThan(seq);
    expect(describeStatus(await readStatus(agent.ledger.manager))).not.toContain('classes behind');
  });

  it('count charts that are frozen until a person has looked, and since when the first of them waits', async () => {
    const seen = async (): Promise<(number | undefined)[]> => {
      const text = await scrape();
      return ['agent_charts_frozen', 'agent_charts_frozen_oldest_age_seconds'].map((name) => sampleOf(text, name));
    };
    expect(await seen()).toEqual([0, 0]);
    const { manager } = agent.ledger;
    for (const [pid, hours] of [
      [5006, 3],
      [5007, 1],
    ] as const) {
      await agent.invite(pid);
      const patient = await manager.findOneByOrFail(Patient, { pid });
      await freezePatient(manager, patient, { cause: 'rows-moved', decidedBy: 'agent' });
      await agent.ledger.query(
        'UPDATE patient_decision SET at = UTC_TIMESTAMP(3) - INTERVAL ? HOUR WHERE patient_ref = UNHEX(?)',
        [hours, patient.patientRef],
      );
    }
    await until('they are counted', async () => (await seen())[0] === 2);
    const [, age = 0] = await seen();
    expect(Math.floor(age / 600)).toBe(18);
    const status = await readStatus(manager);
    expect(status).toMatchObject({ patients: { frozen: 2 }, chartsStopped: 0 });
    expect(describeStatus(status)).toMatch(/^frozen: 2 charts wait for a person, the oldest for 108\d\d s; /m);
    await endAccess(agent.ledger, [5006, 5007]);
    await until('nobody waits any more', async () => (await seen()).join() === '0,0');
    expect(describeStatus(await readStatus(manager))).not.toMatch(/^frozen/m);
  });

  it('have these labels and no other, and no reference of a patient', async () => {
    const text = await scrape();
    expect(labelSets(text, 'agent_')).toEqual({
      agent_render_duration_seconds: ['outcome'],
      agent_feed_failures_total: ['cause'],
      agent_heartbeats_total: ['outcome'],
      agent_reconciliations_total: ['outcome', 'with'],
      agent_reconciliation_differences_total: ['kind'],
      agent_reconciliation_age_seconds: ['with'],
      agent_reconciliation_differences: [],
      agent_vanishing_stopped: [],
      agent_submissions_lost: [],
      agent_collected_total: [],
      agent_collection_failures_total: [],
      agent_deliveries_total: [],
      agent_replica_lag_seconds: [],
      agent_class_lag_seconds: ['class'],
      agent_charts: [],
      agent_charts_pushed: [],
      agent_charts_lagging: [],
      agent_charts_stopped: [],
      agent_charts_frozen: [],
      agent_charts_frozen_oldest_age_seconds: [],
      agent_dirty_rows: [],
      agent_charts_waiting: [],
      agent_charts_per_second: [],
      agent_load_seconds_left: [],
      agent_render_work_seconds_total: ['part'],
      agent_openemr_rows_total: [],
      agent_sections_pushed_total: [],
      agent_section_bytes_pushed_total: [],
      agent_streams_stopped: [],
      agent_submissions_waiting: [],
      agent_submissions_set_aside: [],
      agent_heartbeat_stopped: [],
      agent_binlog_position_age_seconds: [],
      agent_submissions_oldest_age_seconds: [],
      agent_clock_skew_seconds: [],
      agent_database_clock_ahead_seconds: [],
      agent_handshake_age_seconds: [],
      agent_queue_jobs: ['queue'],
      agent_certificate_expires_timestamp_seconds: [],
    });
    expect(text).not.toContain(patientRef);
  });

  it('are all on a dashboard, and whatever a dashboard or an alert names is there', async () => {
    const there = Object.keys(labelSets(await scrape(), 'agent_')).sort();
    expect(metricsNamed('agent', 'dashboards')).toEqual(there);
    expect(metricsNamed('agent', 'dashboards and rules')).toEqual(there);
  });

  it('follow a rebuild: a DMZ whose replica is gone gets it again, the same content, without anybody asking', async () => {
    await agent.clean();
    // The next one would bring a chart that changed since, and so not learn that the DMZ lacks it.
    app.get(QueuesService).wake('heartbeats', 'send-heartbeat', 'heartbeat');
    await until('a heartbeat names the chart as it is', async () => {
      const buckets = await readBuckets(agent.ledger.manager);
      return (await agent.heartbeat())?.root === heartbeatRoot(buckets.map((leaves) => bucketRoot(leaves)));
    });
    const before = await agent.stored(patientRef);
    const pushed = async (): Promise<number> => sampleOf(await scrape(), 'agent_sections_pushed_total') ?? 0;
    const sections = before?.sections.size ?? 0;
    const already = await pushed();
    expect(sections).toBeGreaterThan(10);
    for (const table of ['section', 'chart', 'heartbeat', 'heartbeat_bucket']) {
      await agent.portal.query(`DELETE FROM ${table}`);
    }
    await until('everything was sent again', async () => (await pushed()) >= already + sections);
    await agent.clean();
    const after = await agent.stored(patientRef);
    expect(after?.sections).toEqual(before?.sections);
    expect(after?.manifest.seq).toBeGreaterThan(before?.manifest.seq ?? Infinity);
    await until('nothing waits any more', async () => sampleOf(await scrape(), 'agent_charts_waiting') === 0);
    expect(sampleOf(await scrape(), 'agent_load_seconds_left')).toBe(0);
  });

  it('say nothing rather than something old while the ledger is away', async () => {
    const { adminSql } = agent.zones.inside;
    await adminSql('RENAME TABLE ??.dirty TO ??.dirty_away', [agent.databases.ledger, agent.databases.ledger]);
    try {
      await until('the gauges of the ledger are gone', async () => {
        const text = await scrape();
        return (
          sampleOf(text, 'agent_dirty_rows') === undefined && sampleOf(text, 'agent_heartbeats_total') !== undefined
        );
      });
    } finally {
      await adminSql('RENAME TABLE ??.dirty_away TO ??.dirty', [agent.databases.ledger, agent.databases.ledger]);
    }
  });
});

/** Exit code of the health check; this process has to answer it meanwhile. */
async function healthOf(port: number): Promise<unknown> {
  const check = spawn(process.execPath, ['--input-type=module', '--eval', agentCheck('127.0.0.1', port)]);
  const [code]: unknown[] = await once(check, 'close');
  return code;
}
