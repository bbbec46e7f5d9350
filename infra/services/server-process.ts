import type { ChildProcess } from 'node:child_process';
import { chownSync, closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { bareEnvironment, exited, spawnChild, type ServerUser } from './child-process.js';
import type { Place } from './place.js';
import { requireFreePort } from './ports.js';

const START_LIMIT = 60_000;
const STOP_LIMIT = 30_000;
const POLL = 40;

export interface ServerDescription {
  title: string;
  program: string;
  args: string[];
  folder: string;
  logFile: string;
  port: number;
  user: ServerUser | null;
  place: Place;
  /** Throws until the server answers. */
  probe: () => Promise<void>;
}

/** One MariaDB, Redis or nginx as a child process: started, watched, stopped, or killed for a drill. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private expectedToEnd = false;

  constructor(
    private readonly description: ServerDescription,
    /** Called when the server ends without having been told to. */
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** The server's process id; undefined while it is down. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  async start(): Promise<void> {
    const { title, program, args, folder, logFile, port, user, place, probe } = this.description;
    if (this.child) {
      return;
    }
    if (place.prefix.length === 0) {
      await requireFreePort(port, title);
    }
    const log = openSync(logFile, 'a', 0o600);
    if (user) {
      chownSync(logFile, user.uid, user.gid);
    }
    const child = spawnChild(program, args, {
      user,
      prefix: place.prefix,
      cwd: folder,
      env: bareEnvironment(folder),
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    this.expectedToEnd = false;
    let ready = false;
    let ended: string | undefined;
    void exited(child).then((reason) => {
      ended = reason;
      this.child = undefined;
      if (ready && !this.expectedToEnd) {
        this.onFailure(new Error(`${title} ${reason} unexpectedly; its log is ${logFile}`));
      }
    });
    const limit = Date.now() + START_LIMIT;
    for (;;) {
      if (ended !== undefined) {
        throw new Error(`${title} did not start (${ended}): ${lastLines(logFile)}`);
      }
      const problem = await probe().then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error : new Error('not an error', { cause: error })),
      );
      if (problem === undefined) {
        ready = true;
        return;
      }
      if (Date.now() > limit) {
        await this.kill();
        throw new Error(`${title} does not answer: ${problem.message}; its log is ${logFile}`);
      }
      await sleep(POLL);
    }
  }

  /** Lets the server write what it holds and end; one that does not end in time is killed, which loses nothing durable. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** What a power cut does to this server. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (!child) {
      return;
    }
    this.expectedToEnd = true;
    const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT);
    child.kill(signal);
    await exited(child);
    clearTimeout(overdue);
    this.child = undefined;
  }
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').slice(-2).join(' | ') : 'no log';
}
