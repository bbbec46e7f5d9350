import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One thing that was looked at. */
export interface Row {
  what: string;
  expected: string;
  found: string;
  holds: boolean;
}

export interface Part {
  title: string;
  /** what was done, and why it tells something */
  method: string;
  rows: Row[];
}

export interface Report {
  name: 'isolation';
  begun: string;
  seconds: number;
  holds: boolean;
  parts: Part[];
}

export function reportOf(begun: Date, parts: Part[]): Report {
  return {
    name: 'isolation',
    begun: begun.toISOString(),
    seconds: Math.round((Date.now() - begun.getTime()) / 1000),
    holds: parts.every(partHolds),
    parts,
  };
}

/** The report for people: what held in short, what did not in full. */
export function markdown(report: Report): string {
  const lines = [
    '# Isolation proof',
    '',
    `Begun ${report.begun}, took ${String(report.seconds)} s. **${report.holds ? 'Everything held.' : 'NOT everything held.'}**`,
  ];
  for (const part of report.parts) {
    const failed = part.rows.filter(({ holds }) => !holds).length;
    const count = `${String(part.rows.length - failed)} of ${String(part.rows.length)} as expected`;
    lines.push('', `## ${part.title}: ${count}${failed > 0 ? ', NOT HELD' : ''}`, '', part.method, '');
    lines.push(...table(part.rows));
  }
  return `${lines.join('\n')}\n`;
}

export function writeReport(folder: string, report: Report): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'isolation.md'), markdown(report));
  writeFileSync(join(folder, 'isolation.json'), `${JSON.stringify(report, null, 2)}\n`);
}

function partHolds({ rows }: Part): boolean {
  // A part in which nothing was looked at proves nothing.
  return rows.length > 0 && rows.every(({ holds }) => holds);
}

function table(rows: readonly Row[]): string[] {
  const cells = [
    ['', 'what', 'expected', 'found'],
    ...rows.map(({ what, expected, found, holds }) => [holds ? 'ok' : 'NO', what, expected, found]),
  ].map((row) => row.map((cell) => cell.replaceAll('|', '/')));
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(['--', '----', '--------', '-----']), ...body.map(line)];
}
