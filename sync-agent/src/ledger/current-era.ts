import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { FIRST_ERA } from 'sync-contract/era-statement';

const Rows = z.array(z.object({ era: z.coerce.number(), begunAt: z.date().nullable() }));

/** The era that everything new belongs to, and when a restore began it; the first has no beginning. */
export async function currentEra(manager: EntityManager): Promise<{ era: number; begunAt: Date | null }> {
  const rows: unknown = await manager.query('SELECT era, begun_at AS begunAt FROM era ORDER BY era DESC LIMIT 1');
  return Rows.parse(rows)[0] ?? { era: FIRST_ERA, begunAt: null };
}
