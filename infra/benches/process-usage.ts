import { readFileSync } from 'node:fs';

/** What a program took since this was begun, over all its runs: a killed one starts from nothing, and counts on. */
export class ProcessUsage {
  private readonly before = new Map<number, number>();
  private readonly ticks = new Map<number, number>();
  private peak = 0;

  /** @param pid of the run that is on; undefined between two */
  constructor(private readonly pid: () => number | undefined) {
    const running = pid();
    if (running !== undefined) {
      this.before.set(running, ticksOf(running) ?? 0);
    }
  }

  /** To be called often: what a run took since the last look is lost when it is killed. */
  look(): void {
    const pid = this.pid();
    const ticks = pid === undefined ? undefined : ticksOf(pid);
    if (pid !== undefined && ticks !== undefined) {
      this.ticks.set(pid, ticks - (this.before.get(pid) ?? 0));
      this.peak = Math.max(this.peak, peakOf(pid));
    }
  }

  get cpuSeconds(): number {
    return [...this.ticks.values()].reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND;
  }

  /** highest resident memory of any run */
  get peakMiB(): number {
    return Math.round(this.peak / 1_024);
  }
}

/** USER_HZ, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time; the fields stand behind the program's name, which may hold anything. */
function ticksOf(pid: number): number | undefined {
  const text = readProc(pid, 'stat');
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : Number(fields[11]) + Number(fields[12]);
}

/** kB */
function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, 'status') ?? '')?.[1] ?? 0);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${String(pid)}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
