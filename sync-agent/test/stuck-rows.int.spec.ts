import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createTestDatabases } from 'infra/services/test-services';
import { newRef } from 'sync-contract/identifiers';
import { AgentConfigModule } from '../src/agent-config.module.js';
import { DeliverModule } from '../src/deliver/deliver.module.js';
import { Dirty } from '../src/ledger/change-feed.entities.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { Stream, Submission } from '../src/ledger/submission.entities.js';
import { AgentUnderTest, agentConfig, until } from './agent-under-test.js';
import { newSubmissionId, type JoinedPatient } from './collect-test-dmz.js';
import { DeliverUnderTest, SITE } from './deliver-under-test.js';

/** More than a sweep reads at a time. */
const STUCK = 520;
const LONG_AGO = new Date(Date.now() - 3_600_000);

describe('streams that wait for the clinic, more than a sweep reads at a time', () => {
  let agent: DeliverUnderTest;
  let frozen: JoinedPatient;
  let sound: JoinedPatient;

  beforeAll(async () => {
    agent = await DeliverUnderTest.start('stuck_streams');
    [frozen, sound] = [await agent.joinedPatient(5005), await agent.joinedPatient(5006)];
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
  });

  it('do not keep the one behind them from being delivered', async () => {
    const { item } = await agent.dmz.submitMessage(frozen, { body: 'waits' });
    await agent.collect();
    const { manager } = agent.ledger;
    const stuck = await manager.findOneByOrFail(Submission, { submissionId: item.submissionId });
    await manager.update(Patient, { patientRef: frozen.patientRef }, { state: 'frozen' });
    const streams = Array.from({ length: STUCK }, () => newRef());
    await manager.insert(
      Stream,
      streams.map((stream) => ({ stream, patientRef: frozen.patientRef, kind: 'message', nextSeq: 1 })),
    );
    await manager.insert(
      Submission,
      streams.map((stream) =>
        Object.assign({}, stuck, { submissionId: newSubmissionId(), stream, receivedAt: LONG_AGO }),
      ),
    );
    await agent.dmz.submitMessage(sound, { body: 'goes' });
    await agent.collect();

    // Nobody woke anything: a delivery can only come of the sweep.
    await using queues = await createTestDatabases('stuck_queues');
    @Module({})
    class DeliveryUnderTest {}
    const config = agentConfig(
      agent.zones,
      { ...agent.databases, insideQueuePrefix: queues.insideQueuePrefix },
      SITE,
      agent.keyDir,
      'https://127.0.0.1:1',
    );
    const app = await NestFactory.createApplicationContext(
      { module: DeliveryUnderTest, imports: [AgentConfigModule.of(config), DeliverModule] },
      { logger: false, abortOnError: false },
    );
    try {
      await until('the sound message in OpenEMR', async () => (await agent.mails()).length === 2);
    } finally {
      await app.close();
    }
    expect((await agent.mails()).map(({ body }) => String(body))).toEqual(['<p>goes</p>', '<p>goes</p>']);
    expect(await manager.countBy(Submission, { state: 'RECEIVED' })).toBe(STUCK + 1);
    expect(await agent.dueStreams()).toHaveLength(STUCK + 1);
  });
});

describe('charts that cannot be rendered, more than a sweep reads at a time', () => {
  let under: AgentUnderTest;

  beforeAll(async () => {
    under = await AgentUnderTest.start('stuck-charts');
  });
  afterAll(async () => {
    await under[Symbol.asyncDispose]();
  });

  it('do not keep the one behind them from being replicated', async () => {
    // OpenEMR has no rows of them.
    const strangers = Array.from({ length: STUCK }, (_, i) => ({ pid: i + 1, patientRef: newRef() }));
    const { manager } = under.ledger;
    await manager.insert(
      Patient,
      strangers.map((stranger) => ({
        ...stranger,
        state: 'enrolled' as const,
        portalUsername: null,
        createdAt: LONG_AGO,
      })),
    );
    await manager.insert(
      Chart,
      strangers.map(({ pid, patientRef }) => ({
        ...{ pid, patientRef, era: 1, seq: 0, attemptedSeq: 0, epoch: 1 },
        chartKeyWrapped: under.keys.wrapChartKey(patientRef, 1, randomBytes(32)),
        ...{ manifest: null, manifestHash: null, failedT: null },
      })),
    );
    await manager.insert(
      Dirty,
      strangers.map(({ pid }) => ({ pid, recordClass: 'profile', fileNo: 0, fileOffset: 0 })),
    );
    const patientRef = await under.invite(5001);
    await under.startAgent();
    await until('the chart behind them', async () => (await under.stored(patientRef)) !== null);
    await until('its acknowledgement', async () => (await under.count('chart WHERE seq = 0')) === STUCK);
  });
});
