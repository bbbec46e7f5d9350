import { describe, expect, it } from '@jest/globals';
import type { SourceTransaction } from '../openemr/binlog-stream.js';
import { RowChanges } from '../openemr/row-changes.js';
import { RecentChanges } from './recent-changes.js';

const change = (offset: number, resultId: number, reportId: number): SourceTransaction => {
  const changes = new RowChanges();
  changes.add('procedure_result', [{ procedure_result_id: resultId, procedure_report_id: reportId }]);
  return { position: { file: 1, offset }, gtid: null, changes, everything: null, marker: null };
};
const SNAPSHOT = { file: 1, offset: 100 };
/** More than are kept. */
const MANY = Array.from({ length: 26_000 }, (_, i) => change(200 + i, 1_000 + i, 2_000 + i));
const SOURCES = [
  { table: 'procedure_result', key: '1', classes: ['results' as const] },
  { table: 'procedure_report', key: '10', classes: ['results' as const] },
];

describe('a render that the feed overtakes', () => {
  it('learns of changed rows it used, and of new rows below rows it used', () => {
    const recent = new RecentChanges();
    using _watch = recent.watch();
    recent.note([change(150, 1, 99), change(160, 7, 10), change(170, 8, 11)]);
    expect(recent.behind(SNAPSHOT, SOURCES, ['results']).map(({ position }) => position.offset)).toEqual([150, 160]);
  });

  it('is not troubled by changes its snapshot already held', () => {
    const recent = new RecentChanges();
    using _watch = recent.watch();
    recent.note([change(90, 1, 10), change(100, 1, 10)]);
    expect(recent.behind(SNAPSHOT, SOURCES, ['results'])).toEqual([]);
  });

  it('counts as overtaken right behind its snapshot when more happened than is kept', () => {
    const recent = new RecentChanges();
    using _watch = recent.watch();
    recent.note([change(150, 1, 99), ...MANY]);
    expect(recent.behind(SNAPSHOT, SOURCES, ['results'])).toEqual([
      { recordClass: 'results', position: { file: 1, offset: 101 } },
    ]);
  });

  it('is not troubled when what was not kept is in its snapshot', () => {
    const recent = new RecentChanges();
    using _watch = recent.watch();
    recent.note(MANY);
    recent.note([change(30_000, 1, 99)]);
    const later = recent.behind({ file: 1, offset: 29_000 }, SOURCES, ['results']);
    expect(later.map(({ position }) => position.offset)).toEqual([30_000]);
  });

  it('costs nothing while nobody renders', () => {
    const recent = new RecentChanges();
    recent.note([change(150, 1, 10)]);
    using _watch = recent.watch();
    expect(recent.behind(SNAPSHOT, SOURCES, ['results'])).toEqual([]);
  });
});
