import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProgram } from 'infra/demo/program';
import { SHARES } from 'infra/production/placement';
import { prepareHost, type Outcome } from 'infra/production/prepare-host';
import { serverUser } from 'infra/services/child-process';

/** Only root can give files away. */
const owned = serverUser() !== null;
const AGENT = owned ? SHARES['sync-agent'].uid : (process.getuid?.() ?? 0);

describe('the inside host, prepared from what setup made', () => {
  let folder: string;
  const brought = (name: string): string => join(folder, 'brought/keys', name);
  const there = (name: string): string => join(folder, 'state/keys', name);

  const prepare = (from?: string): Promise<Outcome> =>
    prepareHost({
      zone: 'inside',
      way: 'systemd',
      configuration: folder,
      secrets: join(folder, 'secrets'),
      state: join(folder, 'state'),
      owned,
      ...(from === undefined ? {} : { from }),
    });
  const bring = (): Promise<Outcome> => prepare(join(folder, 'brought'));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'odp-prepare-'));
    const environment = { SITE_ID: randomUUID(), KEY_DIR: join(folder, 'brought/keys') };
    await runProgram('sync-agent/dist/cli.main.js', ['keys', 'init'], environment);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function expectClosed(): void {
    const files = readdirSync(join(folder, 'state/keys'));
    expect(files.map((name) => [name, statSync(there(name)).mode & 0o777, statSync(there(name)).uid])).toEqual(
      files.map((name) => [name, 0o400, AGENT]),
    );
  }

  it('has every key but the root’s, each closed to all but the agent, and a folder for backups', async () => {
    const { done } = await bring();
    expect(done.join('\n')).toContain('not root.key: keep it offline');
    const expected = readdirSync(join(folder, 'brought/keys')).filter((name) => name !== 'root.key');
    expect(readdirSync(join(folder, 'state/keys')).sort()).toEqual(expected.sort());
    expectClosed();
    const { mode, uid } = statSync(join(folder, 'state/backups'));
    expect([mode & 0o777, uid]).toEqual([0o700, AGENT]);
  });

  it('is put right after a run that broke off between copying and closing', async () => {
    rmSync(there('wrap.key'));
    cpSync(brought('wrap.key'), there('wrap.key'));
    chmodSync(there('wrap.key'), 0o644);
    if (owned) {
      chownSync(there('wrap.key'), 0, 0);
    }
    await prepare();
    expectClosed();
  });

  it('takes newer statements over, never fewer or others, and replaces no key', async () => {
    const statements = JSON.parse(readFileSync(brought('statements.json'), 'utf8')) as { signature: string }[];
    const state = (these: object[]): void => {
      rmSync(brought('statements.json'));
      writeFileSync(brought('statements.json'), JSON.stringify(these));
    };
    const more = [...statements, { ...statements[0], signature: 'newer' }];
    const key = readFileSync(there('wrap.key'), 'utf8');
    rmSync(brought('wrap.key'));
    writeFileSync(brought('wrap.key'), 'another');
    state(more);
    await bring();
    expect(JSON.parse(readFileSync(there('statements.json'), 'utf8'))).toEqual(more);
    const others = more.map((each) => ({ ...each, signature: `other ${each.signature}` }));
    for (const these of [statements, others]) {
      state(these);
      await bring();
      expect(JSON.parse(readFileSync(there('statements.json'), 'utf8'))).toEqual(more);
    }
    expect(readFileSync(there('wrap.key'), 'utf8')).toBe(key);
    expectClosed();
  });
});
