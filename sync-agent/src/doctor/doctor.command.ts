import { Command } from 'commander';
import { examine, type Examination } from './examine.js';

const ERRORS = 1;
const WARNINGS_ONLY = 3;

/**
 * `doctor`: every prerequisite, each finding one sentence with its remedy. Exit code 0 when there is none, 1 when one is
 * an error, 3 when all are warnings.
 */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check everything the agent needs; changes nothing')
    .option('--json', 'print JSON instead of text')
    .action(async ({ json }: { json?: true }) => {
      const examination = await examine();
      process.stdout.write(json === true ? `${jsonOf(examination)}\n` : describeExamination(examination));
      process.exitCode = exitCodeOf(examination);
    });
}

export function exitCodeOf({ findings }: Examination): number {
  if (findings.some(({ severity }) => severity === 'error')) {
    return ERRORS;
  }
  return findings.length === 0 ? 0 : WARNINGS_ONLY;
}

export function describeExamination({ findings, notChecked, notes }: Examination): string {
  const lines = [
    ...findings.map(({ severity, code, sentence, remedy }) => `${severity} ${code}: ${sentence}; ${remedy}`),
    ...notChecked.map((what) => `not checked: ${what}`),
    ...notes.map((note) => `note: ${note}`),
    findings.length === 0 ? 'nothing found' : `${String(findings.length)} found`,
  ];
  return `${lines.join('\n')}\n`;
}

function jsonOf(examination: Examination): string {
  return JSON.stringify({ healthy: examination.findings.length === 0, ...examination });
}
