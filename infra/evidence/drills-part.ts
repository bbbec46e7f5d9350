import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../demo/program.js';
import { table, type EvidencePart } from './evidence-part.js';

const Verdict = z.object({
  name: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  figures: z.record(z.string(), z.unknown()),
  aim: z.string(),
  met: z.boolean(),
});
type Verdict = z.infer<typeof Verdict>;

interface DrillRun {
  drill: string;
  exitCode: number | null;
  seconds: number;
  /** null when the drill ended before it could say */
  verdict: Verdict | null;
  /** what it said, of one that failed */
  said: string[];
}

const DRILLS = ['stolen-dmz', 'crash', 'restore', 'tamper'] as const;
const COMMAND = `for i in ${DRILLS.join(' ')}; do npm run drill -- $i --short; done`;
const LONGEST = 20 * 60_000;
const LAST_LINES = 100;

/** Runs the short drills, each in its own data folder, one after the other. */
export function drillsPart(say: (line: string) => void): EvidencePart {
  const runs = DRILLS.map((drill): DrillRun => {
    say(`Drill ${drill}, short`);
    const started = Date.now();
    const program = join(repositoryRoot(), `infra/dist/drills/${drill}.js`);
    const { status, stdout } = spawnSync(process.execPath, [program, '--short'], {
      cwd: repositoryRoot(),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LONGEST,
      maxBuffer: 1 << 26,
    });
    const verdict = verdictIn(stdout);
    return {
      drill,
      exitCode: status,
      seconds: Math.round((Date.now() - started) / 1000),
      verdict,
      said: status === 0 && verdict?.met === true ? [] : stdout.trim().split('\n').slice(-LAST_LINES),
    };
  });
  const failed = runs.filter(({ exitCode, verdict }) => exitCode !== 0 || verdict?.met !== true);
  return {
    ...FRAME,
    finding:
      failed.length === 0
        ? `${String(runs.length)} drills met their aims, with every control caught.`
        : `did not meet its aim: ${failed.map(({ drill }) => drill).join(', ')}.`,
    holds: failed.length === 0,
    text: runs
      .flatMap(({ drill, exitCode, seconds, verdict, said }) => [
        `## ${drill}`,
        '',
        `Aim: ${verdict?.aim ?? 'unknown, the drill ended early'}. Exit code ${String(exitCode)}, ${String(seconds)} s.`,
        '',
        ...said.map((line) => `    ${line}`),
        table(
          ['figure', 'value'],
          Object.entries(verdict?.figures ?? {}).map(([name, value]) => [name, JSON.stringify(value)]),
        ),
        '',
      ])
      .join('\n'),
    data: runs,
  };
}

const FRAME = { name: '07-drills', title: 'Drills', command: COMMAND } as const;

/** The part of a folder that was built without them: their absence is plain. */
export function drillsLeftOut(): EvidencePart {
  return {
    ...FRAME,
    finding: 'left out with --without-drills; nothing is said here about theft and crash.',
    holds: null,
    text: `Run them with \`${COMMAND}\`, or build the folder without that option.`,
    data: null,
  };
}

function verdictIn(output: string): Verdict | null {
  const last = output.trim().split('\n').at(-1) ?? '';
  try {
    return Verdict.parse(JSON.parse(last));
  } catch {
    return null;
  }
}
