import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freeServicePorts } from 'infra/services/ports';
import { startServices, type Services } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';
import { collectOutbox, CollectionIncomplete } from '../src/collect/collect-outbox.js';
import { Submission } from '../src/ledger/submission.entities.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { DeliverUnderTest } from './deliver-under-test.js';

let services: Services;
let agent: DeliverUnderTest;
let patient: JoinedPatient;

beforeAll(async () => {
  services = await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() });
  agent = await DeliverUnderTest.startAlone(services);
  patient = await agent.joinedPatient(5005);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await services.stop();
  rmSync(services.dataDir, { recursive: true, force: true });
});

/** A pool may still hold connections to the server that is gone. */
async function again(work: () => Promise<unknown>): Promise<void> {
  for (let left = 40; ; left -= 1) {
    try {
      await work();
      return;
    } catch (error: unknown) {
      if (left === 0) {
        throw error;
      }
      await delay(100);
    }
  }
}

describe('OpenEMR’s database', () => {
  it.each([
    ['before a lease', false],
    ['after a lease', true],
  ])('killed %s costs nothing: nothing is acknowledged, and all of it arrives once it is back', async (_, leased) => {
    const { item } = await agent.dmz.submitMessage(patient, { body: 'during the outage' });
    const kill = (): Promise<void> => services.kill('inside', 'mariadb');
    const collection = agent.collection();
    const { gateway } = collection;
    const dying: typeof collection = {
      ...collection,
      gateway: {
        ack: (body) => gateway.ack(body),
        lease: async (...args) => {
          const answer = await gateway.lease(...args);
          await kill();
          return answer;
        },
      },
    };
    if (!leased) {
      await kill();
    }
    const acked = agent.dmz.acked.length;
    const attempt = collectOutbox(dying, 0);
    await (leased ? expect(attempt).rejects.toBeInstanceOf(CollectionIncomplete) : expect(attempt).rejects.toThrow());
    expect(agent.dmz.acked).toHaveLength(acked);
    expect(agent.dmz.outbox).toHaveLength(1);

    await services.restart('inside', 'mariadb');
    await again(() => agent.collectAndDeliver());
    const { submissionId } = item;
    expect(await agent.ledger.manager.findOneByOrFail(Submission, { submissionId })).toMatchObject({ state: 'DONE' });
  });

  it('killed between collection and delivery keeps what was collected, and takes it once when it is back', async () => {
    await agent.dmz.submitMessage(patient, { body: 'collected' });
    await agent.collect();
    await services.kill('inside', 'mariadb');
    await expect(agent.deliver()).rejects.toThrow();
    await services.restart('inside', 'mariadb');
    await again(() => agent.deliver());
    await again(() => agent.deliver());
    const mails = await agent.ledger.query<{ n: string }[]>(
      `SELECT COUNT(*) AS n FROM ${agent.tables.mail} WHERE body = '<p>collected</p>'`,
    );
    expect(Number(mails[0]?.n)).toBe(2);
  });
});
