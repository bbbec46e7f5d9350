import 'reflect-metadata';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { agentEnvironment } from 'infra/services/process-environment';
import { sealEnvelope } from 'sync-contract/envelope';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { INJECTIONS, LogUnderTest } from '../../portal-api/test/log-under-test.js';
import { AgentLog } from '../src/agent-log.js';
import { issueInvite } from '../src/enrol/issue-invite.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { openEmrTables } from '../src/openemr/writer-tables.js';
import { AgentUnderTest, until } from './agent-under-test.js';
import { newSubmissionId } from './collect-test-dmz.js';
import { hostileAnswers } from './hostile-answers.js';
import { json, RogueGateway, type Answer } from './rogue-gateway.js';

const ROOT = resolve(import.meta.dirname, '../..');
const CANARY = 'HostileZebra';
/** As the codes of problems are written. */
const CANARIES = [CANARY, 'hostilezebra', 'forged'];
const LONGEST_LINE = 4_000;
/** In ms: beside the agent's start, it rests up to 30 s after each refusal, and three leases have two rests between them. */
const ALL_TRIED = 150_000;

function expectClean(log: LogUnderTest): void {
  expect(log.found(CANARIES)).toEqual([]);
  for (const entry of log.entries('sync-agent')) {
    expect(JSON.stringify(entry).length).toBeLessThan(LONGEST_LINE);
  }
}

describe('the log of an agent whose gateway is hostile', () => {
  let gateway: RogueGateway;
  let under: AgentUnderTest;

  beforeAll(async () => {
    gateway = await RogueGateway.start();
    under = await AgentUnderTest.start('hostile_log', { gatewayUrl: gateway.url });
  });
  afterAll(async () => {
    await under[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });

  const hello = (): object => ({
    versions: [PROTOCOL_VERSION],
    site: under.config.siteId,
    now: new Date().toISOString(),
    heartbeat: null,
    restored: false,
  });
  /** Friendly where the agent begins, so that it goes on to its other calls. */
  const greeting =
    (then: Answer): Answer =>
    (request, response) => {
      const friendly: Record<string, () => object> = {
        [GATEWAY_ROUTES.hello]: hello,
        [GATEWAY_ROUTES.keys]: () => ({}),
      };
      const answer = friendly[request.url ?? ''];
      (answer === undefined ? then : json(answer()))(request, response);
    };

  it.each(Object.entries(INJECTIONS))(
    'repeats nothing of any answer to any call, on bounded lines: %s',
    async (_what, injection) => {
      const log = new LogUnderTest();
      const own = new AgentLog('trace', log);
      const said = new Set<string>();
      for (const [asGreeting, answer] of hostileAnswers(`${CANARY}${injection}`).flatMap((each) => [
        [true, each] as const,
        [false, each] as const,
      ])) {
        gateway.answer = asGreeting ? answer : greeting(answer);
        const client = new GatewayClient(
          new GatewayConnection(under.config.gateway),
          under.config.siteId,
          [],
          () => undefined,
        );
        const calls = [
          () => client.ack({ submissionIds: [newSubmissionId()] }),
          () => client.lease({ limit: 1, waitMs: 0 }),
          () => client.readEras(),
          () => client.chartState({ patientRef: newRef() }),
        ];
        for (const call of calls) {
          const failure: unknown = await call().catch((error: unknown) => error);
          if (failure instanceof Error) {
            own.warn({ msg: failure.message, reason: failure.message, error: failure }, 'test');
            said.add(failure.message);
          }
        }
        await client.close();
      }
      expect(said.size).toBeGreaterThan(10);
      expectClean(log);
    },
  );

  it('is one well-formed bounded line an entry in a whole run, whatever is answered, offered or claimed', async () => {
    await under.invite(5005);
    await issueInvite(
      {
        ledger: under.ledger,
        keys: under.keys,
        tables: openEmrTables(under.databases.openemr),
        portalOrigin: under.config.portalOrigin,
      },
      5006,
    );
    const stranger = await newHpkeKeyPair();
    const rubbish = await Promise.all(
      Object.values(INJECTIONS).map(async (injection) => {
        const [submissionId, stream, says] = [newSubmissionId(), newRef(), `${CANARY}${injection}`];
        const sealed = await sealEnvelope(
          {
            site: under.config.siteId,
            submissionId,
            accountRef: newRef(),
            patientRef: newRef(),
            kind: 'message',
            stream,
            streamSeq: 1,
            createdAt: new Date().toISOString(),
          },
          { body: says },
          { kid: newRef().slice(0, 16), publicKey: stranger.publicKey },
        );
        const envelope = { ...sealed, header: { ...sealed.header, kind: says, [says]: says }, [says]: says };
        return { submissionId, stream, streamSeq: 1, envelope };
      }),
    );
    const answers = Object.values(INJECTIONS).flatMap((injection) => hostileAnswers(`${CANARY}${injection}`));
    const asked = new Map<string, number>();
    gateway.answer = greeting((request, response) => {
      const route = request.url ?? '';
      const turn = asked.get(route) ?? 0;
      asked.set(route, turn + 1);
      if (route === GATEWAY_ROUTES.lease && turn === 0) {
        json({ lease: newRef(), items: rubbish })(request, response);
        return;
      }
      answers[(turn * 7) % answers.length]?.(request, response);
    });

    const log = new LogUnderTest();
    let errors = '';
    const agent = startAgent(under);
    agent.stdout?.setEncoding('utf8').on(
      'data',
      lines((line) => log.write(line)),
    );
    agent.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const { lease, chartState, chartBatch, heartbeat, invites } = GATEWAY_ROUTES;
    const times = (route: string): number => asked.get(route) ?? 0;
    try {
      await until(
        'the agent has tried everything',
        () =>
          times(lease) > 2 && times(chartState) + times(chartBatch) > 2 && times(heartbeat) > 0 && times(invites) > 0,
        ALL_TRIED,
      );
    } finally {
      agent.kill('SIGTERM');
      await once(agent, 'close');
    }

    expect(errors).not.toMatch(/zebra|forged/i);
    const entries = log.entries('sync-agent');
    for (const sign of ['a submission was set aside', 'a chart was not replicated', 'a heartbeat was not taken']) {
      expect(entries.some(({ msg }) => String(msg).includes(sign))).toBe(true);
    }
    expectClean(log);
  });

  it('control: what is planted is found', () => {
    const log = new LogUnderTest();
    new AgentLog('info', log).warn({ msg: `${CANARY} said so` });
    expect(log.found(CANARIES)).toEqual([CANARY]);
  });
});

/** Hands over whole lines, with their ends. */
function lines(take: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      take(`${part}\n`);
    }
  };
}

/** The agent as a process, saying all it ever says. */
function startAgent({ zones, config, databases }: AgentUnderTest): ChildProcess {
  const environment = {
    ...agentEnvironment(zones, {
      siteId: config.siteId,
      databases,
      publicOrigin: config.portalOrigin,
      portalPort: 1,
      gatewayPort: Number(new URL(config.gateway.url).port),
      webRoot: '/nowhere',
      rootPublicKeyFile: '/nowhere',
      practiceName: 'Test',
      practiceTimeZone: 'UTC',
      pools: { default: 'admin' },
      logLevel: 'trace',
    }),
    KEY_DIR: config.keyDir,
    QUEUE_PREFIX: databases.insideQueuePrefix,
  };
  return spawn(
    process.execPath,
    ['--import', join(ROOT, 'sync-agent/test/run-typescript.mjs'), join(ROOT, 'sync-agent/src/main.ts')],
    { env: environment, cwd: ROOT },
  );
}
