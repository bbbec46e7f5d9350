import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { filesOf } from './metric-names.js';

const Rules = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^[A-Z][A-Za-z]+$/),
          expr: z.string().min(1),
          for: z
            .string()
            .regex(/^\d+m$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['amber', 'red']) }),
          annotations: z.strictObject({ summary: z.string().regex(/[.?`]$/) }),
        }),
      ),
    }),
  ),
});

const Dashboard = z.looseObject({
  uid: z.string(),
  panels: z.array(
    z.looseObject({
      id: z.int(),
      title: z.string(),
      targets: z.array(z.looseObject({ expr: z.string().min(1) })).min(1),
    }),
  ),
});

describe('what an operator loads', () => {
  it('alert rules have an expression, a severity and a sentence that says what to do, each name once', () => {
    const files = filesOf('prometheus', '.yml').map((text) => Rules.parse(parse(text)));
    const names = files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)));
    expect(names.length).toBeGreaterThan(15);
    expect(new Set(names).size).toBe(names.length);
  });

  it('expressions have as many brackets that open as that close', () => {
    const expressions = [
      ...filesOf('prometheus', '.yml').flatMap((text) =>
        Rules.parse(parse(text)).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
      ),
      ...filesOf('grafana', '.json').flatMap((text) =>
        Dashboard.parse(JSON.parse(text)).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ),
    ];
    for (const expr of expressions) {
      for (const [open, close] of ['()', '{}', '[]'].map((pair) => [...pair])) {
        expect([expr, expr.split(open ?? '').length]).toEqual([expr, expr.split(close ?? '').length]);
      }
    }
  });

  it('dashboards have panels of their own numbers', () => {
    for (const text of filesOf('grafana', '.json')) {
      const { panels } = Dashboard.parse(JSON.parse(text));
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    }
  });
});
