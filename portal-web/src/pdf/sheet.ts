import type { DateFormats } from '../chart/dates.js';
import type { DayRange } from '../chart/clinical-span.js';
import type { Recorded } from '../chart/provenance.js';
import type { Code, RecordEntry, Timing } from '../chart/record-entry.js';
import type { Amount } from '../chart/section-content.js';
import { text } from '../text.js';

/** What is printed, from top to bottom; the writer decides how it looks. */
export type Block =
  | { kind: 'heading' | 'paragraph' | 'notice'; words: string }
  /** label and value */
  | { kind: 'facts'; rows: readonly (readonly [string, string])[] }
  /** the first cell of a row names it; `share` of the width */
  | { kind: 'table'; columns: readonly { label: string; share: number }[]; rows: readonly (readonly string[])[] };

/** How the record's values are written; the practice's ways. */
export interface SheetTools {
  dates: DateFormats;
  number: (value: number) => string;
  yesNo: (value: boolean) => string;
  money: (value: number | Amount, currency: string) => string;
  timing: (timing: Timing) => string | undefined;
  recorded: (recorded: Recorded) => readonly [string, string | undefined];
  range: DayRange;
  /** name of an entry of the problem list by its id */
  problem: (id: string) => string | undefined;
  /** the same by a code */
  problemOfCode: (code: Code) => string | undefined;
  /** entries before their first day and after their last are left out already; this is for what is no resource */
  isWithin: (value: string | null | undefined) => boolean;
}

type Value = string | readonly string[] | null | undefined;

/** `Label: value` lines; what says nothing has no line. */
export function lines(...facts: readonly (readonly [string, Value])[]): string {
  return facts
    .flatMap(([label, value]) => {
      const words = typeof value === 'string' ? value : (value ?? []).join(', ');
      return words === '' ? [] : [label === '' ? words : text.download.pdfText.detail(label, words)];
    })
    .join('\n');
}

/** Those that say something. */
export function facts(...rows: readonly (readonly [string, Value])[]): Block {
  return {
    kind: 'facts',
    rows: rows.flatMap(([label, value]) => {
      const words = typeof value === 'string' ? value : (value ?? []).join(', ');
      return words === '' ? [] : [[label, words] as const];
    }),
  };
}

/** Entries as rows: what, when, and everything else in lines. Mistakes are called so. */
export function entryTable<T extends RecordEntry>(
  entries: readonly T[],
  when: (entry: T) => string | undefined,
  details: (entry: T) => readonly (readonly [string, Value])[],
): Block {
  const { what, when: whenLabel, details: detailsLabel } = text.download.pdfText.columns;
  return {
    kind: 'table',
    columns: [
      { label: what, share: 0.34 },
      { label: whenLabel, share: 0.18 },
      { label: detailsLabel, share: 0.48 },
    ],
    rows: entries.map((entry) => [
      entry.name === '' ? text.record.unnamed : entry.name,
      when(entry) ?? text.record.noDate,
      lines(
        ['', entry.withdrawn ? text.record.withdrawn : null],
        ...details(entry),
        [text.record.note, entry.notes],
        [text.record.codes, entry.codes.map(({ system, code }) => (system === '' ? code : `${system} ${code}`))],
      ),
    ]),
  };
}
