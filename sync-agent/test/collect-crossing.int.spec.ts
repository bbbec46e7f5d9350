import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { readSecret } from 'infra/services/data-folder';
import { withRedis } from 'infra/services/redis-client';
import { testServices } from 'infra/services/test-services';
import { buildMessage } from '../../portal-api/test/submissions-under-test.js';
import { Submission } from '../src/ledger/submission.entities.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { CrossingUnderTest, until } from './crossing-under-test.js';
import type { DeliverUnderTest } from './deliver-under-test.js';

const PID = 5005;

let crossing: CrossingUnderTest;
let inside: DeliverUnderTest;
let portal: CrossingUnderTest['portal'];

beforeAll(async () => {
  crossing = await CrossingUnderTest.start('crossing');
  ({ inside, portal } = crossing);
});
afterAll(async () => {
  await crossing[Symbol.asyncDispose]();
});

describe('over the real gateway', () => {
  let account: JoinedPatient;

  it('an invite arrives in the DMZ, its acceptance inside, and the grant with the answer in the DMZ again', async () => {
    account = await crossing.join(PID);
  });

  it('messages become rows in OpenEMR, each at once, and are acknowledged', async () => {
    const waits: number[] = [];
    for (let n = 0; n < 5; n += 1) {
      const saved = await portal.service.submit(buildMessage({ ...account, text: `message ${String(n)}` }));
      waits.push(await until('the rows in OpenEMR', async () => (await inside.mails()).length === 2 * (n + 1)));
      await until(
        'the acknowledgement',
        async () =>
          (await crossing.count("SELECT COUNT(*) AS n FROM outbox WHERE stream = ? AND state = 'ACKED'", [
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
    await crossing.stopAgent();
    const first = await portal.service.submit(buildMessage({ ...account, text: 'one' }));
    for (const text of ['two', 'three']) {
      await portal.service.submit(
        buildMessage({ ...account, text, threadId: first.stream, stream: { id: first.stream, claims: false } }),
      );
    }
    await delay(300);
    expect(await inside.mails()).toHaveLength(before);
    await crossing.startAgent();
    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 6);
    const bodies = (await inside.mails())
      .slice(before)
      .filter(({ owner }) => owner === 'admin')
      .map(({ body }) => String(body));
    expect(bodies).toEqual(['<p>one</p>', '<p>two</p>', '<p>three</p>']);
  });

  it('messages saved while the gateway was away are collected when it is back', async () => {
    const before = (await inside.mails()).length;
    await crossing.stopGateway();
    await portal.service.submit(buildMessage({ ...account, text: 'while away' }));
    await crossing.startGateway();
    await until('the rows in OpenEMR', async () => (await inside.mails()).length === before + 2);
  });

  it('a row that somebody altered in the DMZ is set aside inside and holds no other up', async () => {
    const before = (await inside.mails()).length;
    await crossing.stopAgent();
    const poison = await portal.service.submit(buildMessage({ ...account, text: 'altered' }));
    const bytes = Buffer.from(poison.stream, 'hex');
    await crossing.dmz.query(
      `UPDATE outbox SET envelope = REPLACE(envelope, '"ct":"', '"ct":"AAAA') WHERE stream = ?`,
      [bytes],
    );
    await portal.service.submit(buildMessage({ ...account, text: 'sound' }));
    await crossing.startAgent();
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
