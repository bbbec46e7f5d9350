import { Injectable } from '@nestjs/common';
import { RECORD_CLASSES, type RecordClass } from 'sync-contract/classes';
import { ThreadsContent } from 'sync-contract/section-content';
import { sectionId } from 'sync-contract/section';
import { Problem } from '../problems/problem.js';
import { ChartReader } from '../replica/chart-reader.js';
import type { ChartAccess } from '../sessions/session.js';

const BY_YEAR = ['results', 'vitals'] as const satisfies readonly RecordClass[];
const FIRST_YEAR = 1900;

/**
 * Which class of records a section of the audit log belongs to. The log holds ids that nobody reads without the chart's
 * keys; a session that holds them names again what can have been asked for.
 */
@Injectable()
export class ShownParts {
  constructor(private readonly reader: ChartReader) {}

  /** @returns class by section id, of as many of `ids` as the keys of this session tell */
  async classesOf(chart: ChartAccess, ids: ReadonlySet<string>): Promise<Map<string, RecordClass>> {
    const found = new Map<string, RecordClass>();
    const note = (recordClass: RecordClass, names: readonly string[]): void => {
      for (const key of chart.classKeys(recordClass)) {
        for (const name of names) {
          const id = sectionId(key, name);
          if (ids.has(id)) {
            found.set(id, recordClass);
          }
        }
      }
    };
    for (const recordClass of RECORD_CLASSES) {
      note(recordClass, [recordClass]);
    }
    for (const recordClass of BY_YEAR) {
      if (found.size < ids.size) {
        note(recordClass, yearNames(recordClass));
      }
    }
    if (found.size < ids.size) {
      note('messages', await this.threadNames(chart));
    }
    return found;
  }

  /** None while the chart cannot be read, or its list of threads is none: then those sections stay without a name. */
  private async threadNames(chart: ChartAccess): Promise<string[]> {
    try {
      const content = ThreadsContent.safeParse(await this.reader.readJson(chart, 'messages'));
      return (content.data?.threads ?? []).map(({ threadId }) => `messages/${threadId}`);
    } catch (error: unknown) {
      if (error instanceof Problem) {
        return [];
      }
      throw error;
    }
  }
}

/** Also of a year that has begun at the clinic and not here. */
function yearNames(recordClass: RecordClass): string[] {
  const years = new Date().getUTCFullYear() + 2 - FIRST_YEAR;
  return [...Array.from({ length: years }, (_, i) => String(FIRST_YEAR + i)), 'undated'].map(
    (part) => `${recordClass}/${part}`,
  );
}
