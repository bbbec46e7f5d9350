import { describe, expect, it } from '@jest/globals';
import { TIMES } from 'sync-contract/limits';
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

function allRules(): z.infer<typeof Rules>['groups'][number]['rules'] {
  return filesOf('prometheus', '.yml').flatMap((text) => Rules.parse(parse(text)).groups.flatMap(({ rules }) => rules));
}

describe('what an operator loads', () => {
  it('alert rules have an expression, a severity and a sentence that says what to do, each name once', () => {
    const names = allRules().map(({ alert }) => alert);
    expect(names.length).toBeGreaterThan(15);
    expect(new Set(names).size).toBe(names.length);
  });

  it('expressions have as many brackets that open as that close', () => {
    const expressions = [
      ...allRules().map(({ expr }) => expr),
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

  it('call in two steps, and when pages are amber and red', () => {
    const rules = allRules();
    const [amber, red] = [TIMES.amber / 1_000, TIMES.red / 1_000];
    const ages = {
      Replica: 'portal_replica_age_seconds',
      DmzBehind: 'agent_replica_lag_seconds',
      ClassBehind: 'agent_class_lag_seconds',
    };
    expect(rules.filter(({ alert }) => /(?:Amber|Red)$/.test(alert))).toHaveLength(2 * Object.keys(ages).length);
    for (const [name, age] of Object.entries(ages)) {
      const step = (colour: string): unknown => rules.find(({ alert }) => alert === `${name}${colour}`);
      expect(step('Amber')).toMatchObject({
        expr: `${age} > ${String(amber)} and ${age} <= ${String(red)}`,
        labels: { severity: 'amber' },
      });
      expect(step('Red')).toMatchObject({
        expr: expect.stringMatching(new RegExp(`^${age} > ${String(red)}(?: or |$)`)),
        labels: { severity: 'red' },
      });
    }
  });

  it('sentences name no label but those of the metric that calls', () => {
    const labels: Record<string, string[]> = { up: ['job'], agent_class_lag_seconds: ['class'] };
    const rules = allRules();
    const named = rules.flatMap(({ expr, annotations }) =>
      [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(
        ([, label]) => [/^\w+/.exec(expr)?.[0], label] as const,
      ),
    );
    expect(named.length).toBeGreaterThan(2);
    for (const [metric, label] of named) {
      expect([metric, labels[metric ?? '']]).toEqual([metric, expect.arrayContaining([label])]);
    }
  });

  it('dashboards have panels of their own numbers', () => {
    for (const text of filesOf('grafana', '.json')) {
      const { panels } = Dashboard.parse(JSON.parse(text));
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    }
  });
});
