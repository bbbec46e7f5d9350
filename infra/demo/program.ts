import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exited, run, spawnChild } from '../services/child-process.js';
import { NODE_FLAGS } from '../services/node-flags.js';
import { THIS_MACHINE, type Place } from '../services/place.js';

const START_LIMIT = 60_000;
const STOP_LIMIT = 15_000;
const POLL = 50;

/** Folder of the repository, from the sources as from the compiled files. */
export function repositoryRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'workspaces' in manifest) {
        return folder;
      }
    } catch {
      // no package.json here: one folder up
    }
  }
  throw new Error('the repository root was not found');
}

export interface ProgramDescription {
  name: string;
  /** compiled entry, from the repository's root, e.g. `portal-api/dist/main.js` */
  entry: string;
  env: Record<string, string>;
  logFile: string;
  place?: Place;
  /** throws until the program does its work */
  probe: () => Promise<void>;
}

/** One of the system's own processes: started, watched, killed and started again by demo, drills and benches. */
export class Program {
  private child: ChildProcess | undefined;
  private expectedToEnd = false;

  constructor(
    private readonly description: ProgramDescription,
    private readonly onFailure: (error: Error) => void,
  ) {}

  get name(): string {
    return this.description.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get env(): Record<string, string> {
    return this.description.env;
  }

  get logFile(): string {
    return this.description.logFile;
  }

  /** @param extra added to the environment for this start only */
  async start(extra: Record<string, string> = {}): Promise<void> {
    if (this.child) {
      return;
    }
    const { name, entry, env, logFile, place = THIS_MACHINE, probe } = this.description;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a', 0o600);
    const child = spawnChild(process.execPath, [...NODE_FLAGS, join(repositoryRoot(), entry)], {
      env: { ...baseEnvironment(), ...env, ...extra },
      prefix: place.prefix,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    this.expectedToEnd = false;
    let ready = false;
    let ended: string | undefined;
    void exited(child).then((reason) => {
      ended = reason;
      if (this.child === child) {
        this.child = undefined;
      }
      if (ready && !this.expectedToEnd) {
        this.onFailure(new Error(`${name} ${reason} unexpectedly; its log is ${logFile}`));
      }
    });
    for (const limit = Date.now() + START_LIMIT; ;) {
      if (ended !== undefined) {
        throw new Error(`${name} did not start (${ended}); its log is ${logFile}: ${lastLines(logFile)}`);
      }
      const problem = await probe().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (problem === undefined) {
        ready = true;
        return;
      }
      if (Date.now() > limit) {
        await this.end('SIGKILL');
        const reason = problem instanceof Error ? problem.message : 'no reason given';
        throw new Error(`${name} does not answer: ${reason}; its log is ${logFile}`);
      }
      await sleep(POLL);
    }
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Settles with the reason when the running process is gone. */
  ended(): Promise<string> {
    return this.child ? exited(this.child) : Promise.resolve('not running');
  }

  /** From now on an end of the process is part of the plan (a crash point is set, a drill kills it). */
  expectEnd(): void {
    this.expectedToEnd = true;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child) {
      return;
    }
    this.expectedToEnd = true;
    const overdue = setTimeout(() => {
      child.kill('SIGKILL');
    }, STOP_LIMIT);
    child.kill(signal);
    await exited(child);
    clearTimeout(overdue);
    // Somebody else may have started it again by now.
    if (this.child === child) {
      this.child = undefined;
    }
  }
}

/** Runs one of the system's command-line programs to its end and gives its standard output. */
export function runProgram(
  entry: string,
  args: string[],
  env: Record<string, string>,
  { prefix }: Place = THIS_MACHINE,
): Promise<string> {
  const program = [join(repositoryRoot(), entry), ...args];
  return run(process.execPath, program, { env: { ...baseEnvironment(), ...env }, prefix });
}

/** Nothing of the caller's environment but what Node needs. */
function baseEnvironment(): Record<string, string> {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', NODE_ENV: 'production', TZ: 'UTC' };
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' | ');
}
