import { YearsContent, type ResultYearsContent } from 'sync-contract/section-content';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { DecisionInForce } from '../chart/patient-wish.js';
import type { WithheldItem, Withholding } from '../chart/withhold.js';

const Waiting = z.array(z.object({ id: z.string(), since: z.string() }));
const Clock = z.tuple([z.object({ now: z.string() })]);
const INSTANT = "'%Y-%m-%dT%H:%i:%s.%f'";

/**
 * While the patient wishes so, the index of results says which wait, and since when: as the ledger knows it, and by its
 * clock of those that wait from now on. Their time goes into the ledger with the render that said it first.
 */
export async function tellWish(
  manager: EntityManager,
  pid: number,
  decisions: readonly DecisionInForce[],
  released: Withholding,
): Promise<Withholding> {
  const wish = decisions.find(({ kind }) => kind === 'wish');
  const index = released.sections.find(({ name }) => name === 'results');
  if (wish === undefined || index === undefined) {
    return released;
  }
  const since = await readSince(manager, pid, wish.id);
  const withheld = released.withheld.map((item): WithheldItem =>
    item.decisionId === wish.id ? { ...item, since: since(item.resourceId) } : item,
  );
  const waiting = withheld
    .filter(({ decisionId, resourceType }) => decisionId === wish.id && resourceType === 'DiagnosticReport')
    .map(({ resourceId }) => ({ id: resourceId, since: since(resourceId) }))
    .sort((a, b) => compare(a.since, b.since) || compare(a.id, b.id));
  const content: ResultYearsContent = { ...YearsContent.parse(index.content), wish: { waiting } };
  const sections = released.sections.map((section) => (section === index ? { ...section, content } : section));
  return { ...released, sections, withheld };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function readSince(manager: EntityManager, pid: number, decision: number): Promise<(id: string) => string> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(resource_id)) AS id, DATE_FORMAT(since, ${INSTANT}) AS since FROM withheld_item
      WHERE pid = ? AND ended_at IS NULL AND decision_id = ?`,
    [pid, decision],
  );
  const known = new Map(Waiting.parse(rows).map(({ id, since }) => [id, since]));
  const [{ now }] = Clock.parse(await manager.query(`SELECT DATE_FORMAT(UTC_TIMESTAMP(3), ${INSTANT}) AS now`));
  return (id) => `${(known.get(id) ?? now).slice(0, 23)}Z`;
}
