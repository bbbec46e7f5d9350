import { describe, expect, it } from '@jest/globals';
import { lackingPoints, listCrashPoints } from './crash-points.js';

const source = (text: string) => ({ workspace: 'portal-api' as const, file: 'gateway/some.service.ts', text });
const PAIR = "crashPoint('before-commit:x');\ncrashPoint('after-commit:x');\n";

describe('crash points', () => {
  it('stand around every commit and push of both workspaces, each name once', () => {
    const names = listCrashPoints().map((point) => point.name);
    expect(names.length).toBeGreaterThan(40);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining(['before-commit:submission', 'after-ack:collect', 'after-commit:deliver']),
    );
  });

  it.each([
    ['a transaction', 'await settleTransaction(this.dataSource, work);'],
    ['a transaction of the ledger', 'await owed.ledger.transaction(work);'],
    ['a statement outside of one', "await this.dataSource.query<Rows>(\n  `UPDATE account SET state = 'active'`);"],
    ['a row written outside of one', 'await ledger.manager.update(Stream, { stream }, { nextSeq });'],
  ])('are missed at %s that has none', (_, code) => {
    expect(lackingPoints(source(code))).toHaveLength(1);
    expect(lackingPoints(source(`${PAIR}${code}`))).toEqual([]);
    expect(lackingPoints(source(`${PAIR}${code}\n${code}`))).toHaveLength(1);
  });

  it('are missed where only one side of a commit has one', () => {
    expect(lackingPoints(source("crashPoint('before-commit:x');\nawait settleTransaction(a, b);"))).toHaveLength(1);
  });

  it('are missed after a push that has none, and not looked for where code only reads', () => {
    expect(lackingPoints(source('await gateway.pushChart(batch);'))).toHaveLength(1);
    expect(lackingPoints(source("await this.dataSource.query('SELECT 1'); await manager.update(A, b, c);"))).toEqual(
      [],
    );
  });
});
