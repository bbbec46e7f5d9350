import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { READER_COLUMNS } from 'sync-agent/src/openemr/reader-columns';
import {
  BillingContent,
  ResultYearsContent,
  ThreadContent,
  ThreadsContent,
  YearsContent,
} from 'sync-contract/section-content';
import { repositoryRoot } from '../demo/program.js';
import { ROW_KINDS } from './chart-rows.js';
import {
  classesWithoutFields,
  dataFlowText,
  generateDataFlow,
  grantedColumns,
  reviewedDataFlow,
  UNEXPLAINED,
  type DataFlow,
} from './data-flow.js';
import { DMZ_TABLES } from './retention.js';
import { READ_UNSHOWN } from './unshown-columns.js';
import { leaves } from './wire-fields.js';

let flow: DataFlow;
beforeAll(() => {
  flow = generateDataFlow();
}, 900_000);

const pathsOf = (section: string): string[] =>
  flow.sections.filter((field) => field.section === section).map(({ path }) => path);

describe('the list of what crosses', () => {
  it('is the one that was reviewed; after a review: npm run evidence -- --review', () => {
    expect(dataFlowText(flow).split('\n')).toEqual(reviewedDataFlow().split('\n'));
  });

  it('has every field that the definitions of sections have, and no other', () => {
    for (const [section, schema] of [
      ['billing', BillingContent],
      ['results', ResultYearsContent],
      ['vitals', YearsContent],
      ['messages', ThreadsContent],
      ['messages/<thread>', ThreadContent],
    ] as const) {
      expect(pathsOf(section).sort()).toEqual(leaves(schema).sort());
    }
  });

  it('has every class of records that the reader knows', () => {
    expect(classesWithoutFields(flow)).toEqual([]);
    expect([...new Set(flow.sections.map(({ recordClass }) => recordClass))].sort()).toEqual(
      Object.keys(flow.classes).sort(),
    );
  });

  it('says where each submitted field ends', () => {
    expect(flow.submissions.filter(({ destinations }) => destinations.length === 0)).toEqual([]);
  });
});

describe('columns of OpenEMR', () => {
  const read = Object.entries(READER_COLUMNS).flatMap(([table, columns]) =>
    columns.map((column) => `${table}.${column}`),
  );
  const isColumn = (source: string): boolean => /^\w+\.\w+$/.test(source);

  it('that feed a field are read and granted', () => {
    const sources = [...new Set(flow.sections.flatMap((field) => field.sources))].filter(isColumn);
    const granted = grantedColumns();
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.filter((source) => !read.includes(source) || !granted.includes(source))).toEqual([]);
  });

  it('that the rows of the readers have are those that the version check looks for', () => {
    const inRows = ROW_KINDS.flatMap(({ columns, source }) => columns.map((column) => source(column)));
    expect(inRows.filter((source) => isColumn(source) && !read.includes(source))).toEqual([]);
  });

  it('that no field shows have a reason to be read', () => {
    expect(flow.unshown.filter(({ why }) => why === UNEXPLAINED)).toEqual([]);
    const unshown = flow.unshown.map(({ column }) => column);
    expect(Object.keys(READ_UNSHOWN).filter((column) => !unshown.includes(column))).toEqual([]);
  });
});

describe('retention', () => {
  it('in the list is what the housekeeping of the gateway does', () => {
    const source = readFileSync(join(repositoryRoot(), 'portal-api/src/gateway/housekeeping.ts'), 'utf8');
    const sweeps = [
      ...source.matchAll(/DELETE FROM (\w+) WHERE .*?(\w+) < DATE_SUB\(UTC_TIMESTAMP\(3\), INTERVAL (\d+) DAY\)/g),
    ].map(([, table, column, days]) => ({ table, column, days: Number(days) }));
    const declared = Object.entries(DMZ_TABLES).flatMap(([table, { limit }]) =>
      limit === undefined ? [] : [{ table, column: limit.column, days: limit.days }],
    );
    const byTable = (a: { table?: string }, b: { table?: string }): number =>
      String(a.table).localeCompare(String(b.table));
    expect(sweeps.sort(byTable)).toEqual(declared.sort(byTable));
  });
});
