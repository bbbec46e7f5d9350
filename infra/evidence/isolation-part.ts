import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../demo/program.js';
import type { EvidencePart } from './evidence-part.js';

const Report = z.object({
  seconds: z.number(),
  holds: z.boolean(),
  parts: z
    .array(
      z.object({
        title: z.string(),
        method: z.string(),
        rows: z.array(z.object({ what: z.string(), expected: z.string(), found: z.string(), holds: z.boolean() })),
      }),
    )
    .min(1),
});

const FRAME = { name: '05-isolation', title: 'Isolation', command: 'npm run test:isolation' } as const;
/** Of the proof: this user may not make networks. */
const NO_PRIVILEGE = 3;
const LONGEST = 30 * 60_000;

/** Runs the proof in network namespaces, which only root can make. */
export function isolationPart(say: (line: string) => void): EvidencePart {
  say('Isolation proof');
  const folder = mkdtempSync(join(tmpdir(), 'odp-isolation-report-'));
  try {
    const program = join(repositoryRoot(), 'infra/dist/isolation/isolation.js');
    const { status, stderr } = spawnSync(process.execPath, [program, '--out', folder], {
      cwd: repositoryRoot(),
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: LONGEST,
      maxBuffer: 1 << 26,
    });
    const lastWords = stderr.trim().split('\n').at(-1) ?? '';
    if (status === NO_PRIVILEGE) {
      return { ...FRAME, finding: lastWords, holds: null, text: '', data: null };
    }
    const report = reportIn(folder);
    if (report === null) {
      return { ...FRAME, finding: `the proof ended early: ${lastWords}`, holds: false, text: '', data: null };
    }
    const rows = report.parts.flatMap((part) => part.rows);
    const failed = rows.filter(({ holds }) => !holds).length;
    return {
      ...FRAME,
      finding: `${String(rows.length - failed)} of ${String(rows.length)} probes, comparisons and changed rules as expected, in ${String(report.seconds)} s.`,
      holds: report.holds && status === 0,
      text: readFileSync(join(folder, 'isolation.md'), 'utf8').replace(/^# .*\n/, ''),
      data: report,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function isolationLeftOut(): EvidencePart {
  return {
    ...FRAME,
    finding: 'left out with --without-drills; nothing is said here about what the firewall stops.',
    holds: null,
    text: '',
    data: null,
  };
}

function reportIn(folder: string): z.infer<typeof Report> | null {
  try {
    return Report.parse(JSON.parse(readFileSync(join(folder, 'isolation.json'), 'utf8')));
  } catch {
    return null;
  }
}
