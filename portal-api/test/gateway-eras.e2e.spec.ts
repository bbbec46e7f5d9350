import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { signEra } from 'sync-contract/era-statement';
import { HelloAnswer, LeaseAnswer } from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { newSigningPair, signingKey } from 'sync-contract/signed';
import { hexBytes } from '../src/database/hex-column.js';
import { ClinicCatchingUp } from '../src/submissions/submission.problems.js';
import { GatewayUnderTest } from './gateway-under-test.js';
import { buildHeartbeat, buildManifest, buildSection } from './replica-builders.js';
import { SubmissionsUnderTest, buildMessage } from './submissions-under-test.js';

describe('after a restore inside', () => {
  let gateway: GatewayUnderTest;
  let submissions: SubmissionsUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_eras');
    await gateway.handOverKeys();
    submissions = await SubmissionsUnderTest.start({
      site: gateway.site,
      rootPublicKey: gateway.keys.rootPublicKey,
      databaseName: gateway.databases.portal,
    });
  });
  afterAll(async () => {
    await submissions[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });

  const pushChart = async (patientRef: string, era: number, seq: number): Promise<number> => {
    const section = buildSection({ version: { era, seq } });
    const manifest = buildManifest(gateway.keys.sign, { site: gateway.site, patientRef, era, seq }, [section.entry]);
    const { status } = await gateway.call('chartBatch', {
      patientRef,
      manifest,
      sections: [section.sent],
      settles: [],
    });
    return status;
  };
  const beat = async (era: number, seq: number): Promise<number> =>
    (await gateway.call('heartbeat', buildHeartbeat(gateway.keys.sign, { site: gateway.site, era, seq }, []))).status;
  const lease = async (): Promise<string[]> => {
    const { body } = await gateway.call('lease', { limit: LIMITS.leaseItems, waitMs: 0 });
    return LeaseAnswer.parse(body).items.map(({ submissionId }) => submissionId);
  };

  test('charts, heartbeats and the outbox of an era are taken when the root began it, and the one before is over', async () => {
    const patientRef = newRef();
    expect([await pushChart(patientRef, 1, 900), await beat(1, 900)]).toEqual([200, 200]);
    const refused = [
      await pushChart(patientRef, 2, 1),
      await beat(2, 1),
      (await gateway.call('reoffer', { era: 2 })).status,
    ];
    expect(refused).toEqual([422, 422, 422]);

    const stranger = signingKey(newSigningPair().privateKey);
    expect((await gateway.call('eras', { eras: [signEra(gateway.site, 2, stranger)] })).status).toBe(422);
    expect(await beat(2, 1)).toBe(422);

    const statement = signEra(gateway.site, 2, gateway.keys.root);
    for (let again = 0; again < 2; again += 1) {
      expect(await gateway.call('eras', { eras: [statement] })).toMatchObject({
        status: 200,
        body: { eras: [statement] },
      });
    }
    expect([await pushChart(patientRef, 2, 1), await beat(2, 1)]).toEqual([200, 200]);
    expect([await pushChart(patientRef, 1, 901), await beat(1, 901)]).toEqual([409, 409]);
    const { body } = await gateway.call('hello', { site: gateway.site, now: new Date().toISOString() });
    expect(HelloAnswer.parse(body).heartbeat).toEqual({ era: 2, seq: 1 });
  });

  test('what was acknowledged before is offered again, in its order, as often as it is asked for', async () => {
    await gateway.beginEra(2);
    const [first, second] = [
      await submissions.service.submit(buildMessage()),
      await submissions.service.submit(buildMessage()),
    ];
    const ids = [first.submissionId, second.submissionId];
    expect(await lease()).toEqual(ids);
    await gateway.call('ack', { submissionIds: [first.submissionId] });
    for (let again = 0; again < 2; again += 1) {
      expect(await gateway.call('reoffer', { era: 2 })).toMatchObject({ status: 200, body: { offered: 2 } });
      expect(await lease()).toEqual(ids);
    }
    await gateway.call('ack', { submissionIds: ids });
    expect(await lease()).toEqual([]);
  });

  test('a restored DMZ takes nothing until it knows how far the streams are, and goes on above that', async () => {
    const message = buildMessage();
    const { stream, streamSeq } = await submissions.service.submit(message);
    expect(streamSeq).toBe(1);
    const says = async (): Promise<boolean> =>
      HelloAnswer.parse((await gateway.call('hello', { site: gateway.site, now: new Date().toISOString() })).body)
        .restored;
    expect(await says()).toBe(false);
    await gateway.database.query('INSERT INTO restored (id, at) VALUES (1, UTC_TIMESTAMP(3))');
    expect(await says()).toBe(true);
    const next = buildMessage({ accountRef: message.accountRef, patientRef: message.patientRef, threadId: stream });
    await expect(submissions.service.submit(next)).rejects.toThrow(ClinicCatchingUp);

    const forgotten = newRef();
    const { accountRef, patientRef } = message;
    const streams = [
      { stream, accountRef, patientRef, nextSeq: 7 },
      { stream: forgotten, accountRef, patientRef, nextSeq: 4 },
    ];
    expect((await gateway.call('streams', { streams, last: false })).status).toBe(200);
    await expect(submissions.service.submit(next)).rejects.toThrow(ClinicCatchingUp);
    expect((await gateway.call('streams', { streams: [{ ...streams[0], nextSeq: 2 }], last: true })).status).toBe(200);
    expect(await says()).toBe(false);
    expect((await submissions.service.submit(next)).streamSeq).toBe(7);
    const goesOn = buildMessage({ accountRef, patientRef, threadId: forgotten });
    expect((await submissions.service.submit(goesOn)).streamSeq).toBe(4);
    const [row] = await gateway.database.query<{ next_seq: number }[]>('SELECT next_seq FROM stream WHERE stream = ?', [
      hexBytes(forgotten),
    ]);
    expect(row?.next_seq).toBe(5);
  });
});
