import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentEnvironment } from 'infra/services/process-environment';
import { testServices } from 'infra/services/test-services';
import { signEra } from 'sync-contract/era-statement';
import { newSigningPair, signingKey } from 'sync-contract/signed';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { Permanent } from '../src/gateway-client/gateway-failures.js';
import { Era } from '../src/ledger/restore.entities.js';
import { run, type Ended } from './agent-program.js';
import { AgentUnderTest, until } from './agent-under-test.js';

const PID = 5005;

/** The commands as processes, the gateway over mTLS. Fake: nobody. */
describe('an era, from the offline root key to the DMZ', () => {
  it('begins by the statement that was signed there, once, and by no other', async () => {
    await using under = await AgentUnderTest.start('era_command');
    const { siteId, keyDir, gateway } = under.config;
    const offline = mkdtempSync(join(tmpdir(), 'agent-root-'));
    const rootKey = join(offline, 'root.key');
    renameSync(join(keyDir, 'root.key'), rootKey);
    const environment: Record<string, string> = {
      ...agentEnvironment(testServices(), {
        siteId,
        databases: under.databases,
        publicOrigin: 'https://portal.example.org',
        portalPort: 1,
        gatewayPort: Number(new URL(gateway.url).port),
        webRoot: '/nowhere',
        rootPublicKeyFile: join(keyDir, 'root.pub'),
        practiceName: 'Test',
        practiceTimeZone: 'UTC',
        pools: { default: 'admin' },
      }),
      KEY_DIR: keyDir,
      QUEUE_PREFIX: under.databases.insideQueuePrefix,
    };
    const sign = async (era: number, key: string): Promise<string> => {
      const file = join(offline, `era-${String(era)}-${String(Date.now())}.json`);
      // Where the root key is there is nothing else of the inside.
      const { SITE_ID = '' } = environment;
      const args = ['era', 'sign', '--era', String(era), '--root-key', key, '--to', file];
      expect(await run(args, { SITE_ID, KEY_DIR: offline })).toMatchObject({ code: 0, err: '' });
      return file;
    };
    const restore = (...args: string[]): Promise<Ended> => run(['restore', ...args], environment);
    const eras = async (): Promise<number[]> => (await under.ledger.manager.find(Era)).map(({ era }) => era);
    /** The agent works until the DMZ holds chart and heartbeat of the era. */
    const replicated = async (patientRef: string, era: number): Promise<void> => {
      await under.startAgent();
      await until(
        `everything of era ${String(era)} in the DMZ`,
        async () => (await under.stored(patientRef))?.manifest.era === era && (await under.heartbeat())?.era === era,
        60_000,
      );
      await under.stopAgent();
    };
    try {
      const patientRef = await under.invite(PID);
      await replicated(patientRef, 1);

      const asked = await restore();
      expect(asked).toMatchObject({ code: 2, out: '' });
      expect(asked.err).toContain('sync-agent era sign --era 2');

      await run(['keys', 'init'], { ...environment, KEY_DIR: join(offline, 'stranger') });
      const foreign = await restore('--era-statement', await sign(2, join(offline, 'stranger/root.key')));
      expect(foreign.code).not.toBe(0);
      expect(await eras()).toEqual([]);

      const statement = await sign(2, rootKey);
      for (let again = 0; again < 2; again += 1) {
        expect(await restore('--era-statement', statement)).toMatchObject({
          code: 0,
          out: expect.stringContaining('Era 2 has begun'),
        });
      }
      expect(await eras()).toEqual([2]);
      await replicated(patientRef, 2);

      // What the restore left to do is done by another part of the agent.
      await under.ledger.query('DELETE FROM restore_step');
      const late = await restore('--era-statement', statement);
      expect(late).toMatchObject({ code: 2, out: '' });
      expect(late.err).toContain('Era 2 was begun before. Sign era 3');
      expect(await eras()).toEqual([2]);

      const strangers = signEra(siteId, 3, signingKey(newSigningPair().privateKey));
      const client = new GatewayClient(
        new GatewayConnection(gateway),
        siteId,
        under.keys.statements,
        () => undefined,
        () => Promise.resolve([strangers]),
      );
      await expect(client.readEras()).rejects.toThrow(Permanent);
      await client.close();
      expect(await under.portal.query('SELECT era FROM era')).toEqual([{ era: 2 }]);
    } finally {
      rmSync(offline, { recursive: true, force: true });
    }
  }, 180_000);
});
