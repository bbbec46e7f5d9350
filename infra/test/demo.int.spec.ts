import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { PortalClient } from 'infra/demo/portal-client';
import { repositoryRoot } from 'infra/demo/program';
import { serverUser } from 'infra/services/child-process';
import { freePort } from 'infra/services/ports';
import { temporaryDataDir } from 'infra/services/test-services';

jest.setTimeout(300_000);

const ROOT = repositoryRoot();
const CTRL_C = '\x03';
const READS_ALL = '--inh-caps +dac_read_search --ambient-caps +dac_read_search';

interface Process {
  pid: number;
  /** with the time of its start: numbers are given again */
  id: string;
  parent: number;
  command: string;
}

/** All that run; one that has ended and is not yet reaped does not. */
function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const id = `${name} since ${stat[19] ?? ''}`;
        return stat[0] === 'Z' ? [] : [{ pid: Number(name), id, parent: Number(stat[1]), command }];
      } catch {
        // It ended meanwhile.
        return [];
      }
    });
}

function descendants(of: number, all = processes()): Process[] {
  return all.filter(({ parent }) => parent === of).flatMap((child) => [child, ...descendants(child.pid, all)]);
}

/** `npm run demo`, at a terminal of its own or without one. */
class Demo {
  output = '';
  readonly ended: Promise<number | null>;
  private readonly outermost;

  constructor(where: 'terminal' | 'no terminal', ...args: string[]) {
    const npm = ['npm', 'run', 'demo', '--', ...args];
    const terminal = ['script', '--quiet', '--return', '--flush', '--command', npm.join(' '), '/dev/null'];
    const [program = '', ...rest] = where === 'terminal' ? terminal : npm;
    this.outermost = spawn(program, rest, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.outermost.stdout, this.outermost.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.output += data.toString().replaceAll('\r', '');
      });
    }
    this.ended = new Promise((resolve) => this.outermost.once('close', resolve));
  }

  /** Waits for it. @returns the groups of the pattern */
  async says(pattern: RegExp): Promise<readonly string[]> {
    const ended = this.ended.then(() => true);
    for (let over = false; ;) {
      const found = pattern.exec(this.output);
      if (found !== null) {
        return found.slice(1);
      }
      if (over) {
        throw new Error(`the demo ended without saying ${String(pattern)}: ${this.output}`);
      }
      over = await Promise.race([ended, pause(20, false)]);
    }
  }

  get pid(): number {
    return this.outermost.pid ?? 0;
  }

  get processes(): Process[] {
    return descendants(this.pid);
  }

  /** @throws unless exactly one of its processes was started like this */
  process(command: RegExp): Process {
    const [found, ...others] = this.processes.filter((each) => command.test(each.command));
    if (found === undefined || others.length > 0) {
      throw new Error(`${String(command)} fits ${String(others.length)} of ${JSON.stringify(this.processes)}`);
    }
    return found;
  }

  press(key: string): void {
    this.outermost.stdin.write(key);
  }
}

/** Entirely real, on one data folder for all tests: its first start takes longest. */
describe('npm run demo', () => {
  let dataDir: string;
  let port: number;
  let args: string[];

  beforeAll(async () => {
    dataDir = temporaryDataDir();
    port = await freePort();
    args = ['--data-dir', dataDir, '--port', String(port), '--gateway-port', String(await freePort())];
  });
  afterAll(() => {
    for (const { pid } of left()) {
      process.kill(pid, 'SIGKILL');
    }
    rmSync(dataDir, { recursive: true, force: true });
  });

  const running: string[] = [];
  /** What still runs of all that the demos so far had started. */
  const left = (): Process[] =>
    processes().filter(({ id, command }) => running.includes(id) || command.includes(dataDir));

  /** Up, with all that it prints. */
  async function started(
    where: 'terminal' | 'no terminal' = 'terminal',
  ): Promise<{ demo: Demo; name: string; password: string }> {
    const demo = new Demo(where, ...args);
    const [name = '', password = ''] = await demo.says(
      /sign-in name +(\S+)\n +password +(.+)\n +TOTP secret +\S+[^]+Open invite[^]+link +\S+\n/,
    );
    running.push(...demo.processes.map(({ id }) => id));
    return { demo, name, password };
  }

  async function nothingLeft(): Promise<void> {
    for (const limit = Date.now() + 30_000; left().length > 0 && Date.now() < limit;) {
      await pause(20);
    }
    expect(left()).toEqual([]);
  }

  const ReadyPatient = z.object({ name: z.string(), password: z.string(), totpSecret: z.string() });
  const readyFile = (): string => join(dataDir, 'inside/ready-patient.json');
  const ready = (): unknown => ReadyPatient.parse(JSON.parse(readFileSync(readyFile(), 'utf8')));
  let first: unknown;

  it('stops everything at Ctrl-C', async () => {
    const { demo } = await started();
    first = ready();
    expect(
      demo.processes.filter(({ command }) => /mariadbd|redis-server|dist\/(gateway\.)?main/.test(command)),
    ).toHaveLength(7);
    demo.press(CTRL_C);
    await demo.says(/Stopping\./);
    await demo.ended;
    await nothingLeft();
  });

  it('goes on with its data at a later start, and stops everything when npm’s child is told to end', async () => {
    const { demo, name, password } = await started('no terminal');
    expect(demo.output).toContain(`Continuing with ${dataDir}`);
    expect(ready()).toEqual(first);
    const browser = new PortalClient({ origin: `http://localhost:${String(port)}` });
    expect(await browser.post('/api/sign-in', { name, password })).toMatchObject({
      status: 200,
      body: { next: 'totp' },
    });
    await browser.close();
    const [child] = processes().filter(({ parent }) => parent === demo.pid);
    process.kill(child?.pid ?? 0, 'SIGTERM');
    await demo.ended;
    await nothingLeft();
  });

  it.each([
    ['the DMZ’s Redis', 'Redis of the DMZ', (): RegExp => new RegExp(`redis-server .*:${String(redisPort())}\\b`)],
    ['the agent', 'sync-agent', (): RegExp => /sync-agent\/dist\/main\.js/],
  ])('ends with an error that names the part and its log when %s dies', async (_part, title, command) => {
    const { demo } = await started();
    process.kill(demo.process(command()).pid, 'SIGKILL');
    const [log = ''] = await demo.says(new RegExp(`${title} .*unexpectedly; its log is (\\S+)`));
    expect(existsSync(log)).toBe(true);
    expect(await demo.ended).toBe(1);
    await nothingLeft();
  });

  it('forgets with --reset, and stops everything also while it is only starting', async () => {
    const demo = new Demo('terminal', ...args, '--reset');
    await demo.says(/First start: setting up/);
    running.push(...demo.processes.map(({ id }) => id));
    expect(existsSync(readyFile())).toBe(false);
    demo.press(CTRL_C);
    await demo.ended;
    await nothingLeft();
  });

  it('names a port that is in use and starts nothing', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    const demo = new Demo('terminal', ...args);
    expect(await demo.ended).toBe(1);
    other.close();
    expect(demo.output).toContain(`Port ${String(port)} on 127.0.0.1, needed for the portal, is in use`);
    await nothingLeft();
  });

  const redisPort = (): number =>
    z
      .object({ dmz: z.object({ redis: z.number() }) })
      .parse(JSON.parse(readFileSync(join(dataDir, 'ports.json'), 'utf8'))).dmz.redis;
});

it('names the packages that are missing where it may not install them, and ends with 3', async () => {
  // Servers and time zones are hidden from this process alone. Where the tests are root's, it gives that up, but for the
  // right to read the repository wherever it lies; where not, it first becomes root in a namespace of its own.
  const hidden = 'mount -t tmpfs hidden /usr/sbin && mount -t tmpfs hidden /usr/share/zoneinfo';
  const [asRoot, asNobody] =
    serverUser() === null
      ? [['--map-root-user'], 'unshare --user --map-user=65534 --map-group=65534']
      : [[], `setpriv --reuid 65534 --regid 65534 --clear-groups ${READS_ALL}`];
  const demo = `exec ${asNobody} ${process.execPath} ${join(ROOT, 'infra/run/demo.mjs')}`;
  const child = spawn('unshare', ['--mount', ...asRoot, 'sh', '-c', `${hidden} && ${demo}`]);
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(3);
  expect(said).toBe(
    'Missing: mariadb-server tzdata. Install these packages ' +
      '(Debian, Ubuntu: apt-get install mariadb-server tzdata) and start again.\n',
  );
});
