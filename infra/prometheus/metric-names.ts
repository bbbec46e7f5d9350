import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const INFRA = join(import.meta.dirname, '..');
const PARTS = /_(?:bucket|sum|count)$/;

/** Families of one process that the dashboards, or dashboards and alert rules, name in their expressions. */
export function metricsNamed(prefix: string, where: 'dashboards' | 'dashboards and rules'): string[] {
  const files = [...filesOf('grafana', '.json'), ...(where === 'dashboards' ? [] : filesOf('prometheus', '.yml'))];
  const names = files.flatMap((text) =>
    [...text.matchAll(new RegExp(`\\b${prefix}_[a-z_]+`, 'g'))].map(([name]) => name),
  );
  return [...new Set(names.map((name) => name.replace(PARTS, '')))].sort();
}

/** Texts of what an operator loads into Grafana or Prometheus. */
export function filesOf(folder: 'grafana' | 'prometheus', ending: string): string[] {
  return readdirSync(join(INFRA, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(INFRA, folder, name), 'utf8'));
}
