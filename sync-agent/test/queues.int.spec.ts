import { afterEach, describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { readFileSync } from 'node:fs';
import { freeServicePorts } from 'infra/services/ports';
import { startServices } from 'infra/services/services';
import { createTestDatabases, temporaryDataDir, testServices } from 'infra/services/test-services';
import type { Zones } from 'infra/services/services';
import { JobHandledTwice, QueuesService } from '../src/queues/queues.service.js';
import { agentConfig, until } from './agent-under-test.js';

const open: QueuesService[] = [];

async function queuesOn(
  zones: Zones,
  insideQueuePrefix: string,
  prepare: (queues: QueuesService) => void,
): Promise<QueuesService> {
  const config = agentConfig(
    zones,
    { openemr: 'o', ledger: 'l', insideQueuePrefix },
    's',
    '/nowhere',
    'https://127.0.0.1:1',
  );
  const queues = new QueuesService(config);
  prepare(queues);
  await queues.onApplicationBootstrap();
  open.push(queues);
  return queues;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((queues) => queues.onApplicationShutdown()));
});

describe('the queues', () => {
  it('run an id once more, and only once more, when it is woken while it runs; never twice at once', async () => {
    await using databases = await createTestDatabases('queues-again');
    let [runs, atOnce, most] = [0, 0, 0];
    const queues = await queuesOn(testServices(), databases.insideQueuePrefix, (each) => {
      each.handle(
        'replications',
        'render-chart',
        async () => {
          runs += 1;
          atOnce += 1;
          most = Math.max(most, atOnce);
          await pause(150);
          atOnce -= 1;
        },
        4,
      );
    });
    queues.wake('replications', 'render-chart', 'a1');
    await until('it runs', () => runs === 1);
    for (let i = 0; i < 5; i += 1) {
      queues.wake('replications', 'render-chart', 'a1');
    }
    await until('it ran again', () => runs === 2);
    await pause(500);
    expect({ runs, most }).toEqual({ runs: 2, most: 1 });
  });

  it('do first what has no place, then what has a small one, also when it was woken later or again', async () => {
    await using databases = await createTestDatabases('queues-places');
    const done: string[] = [];
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const queues = await queuesOn(testServices(), databases.insideQueuePrefix, (each) => {
      each.handle('replications', 'render-chart', async (id) => {
        done.push(id);
        await held;
      });
      each.handle('replications', 'render-at-once', (id) => {
        done.push(`${id} at once`);
        return Promise.resolve();
      });
    });
    queues.wake('replications', 'render-chart', 'a0', 9);
    await until('it runs', () => done.length === 1);
    queues.wake('replications', 'render-chart', 'a0', 2);
    for (const [id, place] of [
      ['a1', 9],
      ['a2', 3],
      ['a3', 1],
      ['a4', 3],
      ['a5', undefined],
    ] as const) {
      queues.wake('replications', 'render-chart', id, place);
    }
    queues.wake('replications', 'render-chart', 'a1');
    queues.wake('replications', 'render-at-once', 'a1');
    await until('all wait', async () => (await queues.lengths()).get('replications') === 7);
    goOn();
    await until('all ran', () => done.length === 8);
    // One that waits keeps its place when it is woken again; only another job is done before.
    expect(done).toEqual(['a0', 'a5', 'a1 at once', 'a3', 'a0', 'a2', 'a4', 'a1']);
  });

  it('go on after a handler failed', async () => {
    await using databases = await createTestDatabases('queues-fail');
    let runs = 0;
    const queues = await queuesOn(testServices(), databases.insideQueuePrefix, (each) => {
      each.handle('deliveries', 'deliver-stream', async () => {
        runs += 1;
        await Promise.reject(new Error('no'));
      });
    });
    queues.wake('deliveries', 'deliver-stream', 'b1');
    await until('it ran', () => runs === 1);
    await pause(100);
    queues.wake('deliveries', 'deliver-stream', 'b1');
    await until('it ran again', () => runs === 2);
  });

  it('refuse a second handler for a job, and data that is more than an id', () => {
    const queues = new QueuesService(
      agentConfig(
        testServices(),
        { openemr: 'o', ledger: 'l', insideQueuePrefix: 'bull-inside' },
        's',
        '/n',
        'https://127.0.0.1:1',
      ),
    );
    const handle = (): void => {
      queues.handle('collections', 'lease-outbox', () => Promise.resolve());
    };
    handle();
    expect(handle).toThrow(JobHandledTwice);
  });

  it('survive a flush and a restart of Redis: the next wake is served', async () => {
    const services = await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() });
    try {
      let runs = 0;
      const queues = await queuesOn(services, 'bull-inside', (each) => {
        each.handle('replications', 'render-chart', () => {
          runs += 1;
          return Promise.resolve();
        });
      });
      const operator = new Redis({
        host: services.inside.redis.host,
        port: services.inside.redis.port,
        username: 'operator',
        password: readFileSync(services.inside.secretFile('operator'), 'utf8').trim(),
        tls: { ca: readFileSync(services.inside.redis.caFile) },
      });
      await operator.flushall();
      operator.disconnect();
      queues.wake('replications', 'render-chart', 'c1');
      await until('it ran after the flush', () => runs >= 1);
      await services.kill('inside', 'redis');
      queues.wake('replications', 'render-chart', 'c2');
      await services.restart('inside', 'redis');
      const before = runs;
      await until('it ran after the restart', async () => {
        queues.wake('replications', 'render-chart', 'c3');
        await pause(50);
        return runs > before;
      });
      await Promise.all(open.splice(0).map((each) => each.onApplicationShutdown()));
    } finally {
      await services.stop();
      rmSync(services.dataDir, { recursive: true, force: true });
    }
  });
});
