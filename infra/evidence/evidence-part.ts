import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One thing that is shown to an auditor: a claim, whether it holds, and how to see it again. */
export interface EvidencePart {
  /** name of its files without ending; the order of the folder */
  name: string;
  title: string;
  /** the finding in one sentence */
  finding: string;
  /** null: could not be checked here, the finding says why */
  holds: boolean | null;
  /** what reproduces it, from the repository's root */
  command: string;
  /** Markdown below the finding */
  text: string;
  data: unknown;
  /** further files of the part, by name */
  files?: Record<string, string>;
}

export const VERDICTS = { true: 'holds', false: 'DOES NOT HOLD', null: 'not checked' } as const;

export function verdictOf({ holds }: Pick<EvidencePart, 'holds'>): string {
  return VERDICTS[String(holds) as keyof typeof VERDICTS];
}

/** What a cell may hold; nothing is an empty cell. */
type Cell = string | number | null | undefined;

/** Cells as they are, but for what would break the table. */
export function table(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells
      .map((cell) =>
        String(cell ?? '')
          .replaceAll('|', '\\|')
          .replaceAll('\n', ' '),
      )
      .join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Writes every part as Markdown and as JSON, and the page that links them. */
export function writeFolder(folder: string, parts: readonly EvidencePart[], about: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { name, title, finding, holds, command, text, data, files = {} } of parts) {
    const head = [`# ${title}`, '', `**${verdictOf({ holds })}**: ${finding}`, '', `    ${command}`, ''];
    writeFileSync(join(folder, `${name}.md`), `${[...head, text].join('\n').trimEnd()}\n`);
    writeFileSync(
      join(folder, `${name}.json`),
      `${JSON.stringify({ title, finding, holds, command, data }, null, 1)}\n`,
    );
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(join(folder, file), content);
    }
  }
  const rows = parts.map((part) => [
    `[${part.title}](${part.name}.md)`,
    verdictOf(part),
    part.finding,
    `\`${part.command}\``,
    [`${part.name}.json`, ...Object.keys(part.files ?? {})].map((file) => `[${file}](${file})`).join(' '),
  ]);
  const heads = ['part', 'result', 'finding', 'see it again', 'files'];
  writeFileSync(join(folder, 'index.md'), ['# Evidence', '', ...about, '', table(heads, rows), ''].join('\n'));
}
