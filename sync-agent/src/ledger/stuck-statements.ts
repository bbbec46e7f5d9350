import type { EntityManager } from 'typeorm';
import { z } from 'zod';

/** No statement of the agent takes this long unless something holds it up, seconds. */
const LONG = 15;

/** Of a session nothing else is looked at: its statement holds values. */
const Sessions = z.array(z.object({ Command: z.string(), Time: z.coerce.number().nullable() }));

/** What to say of it. With a binary log on a full disk the server does not refuse: it lets every commit wait for room. */
export const STUCK = 'mostly because the disk of its data or of its binary log is full';

/**
 * How long the database server has let the agent's oldest statement wait, seconds; null when none waits for long. An
 * account sees its own sessions without any right. SHOW, because the table of sessions is written to the disk when it is read.
 */
export async function readStuckSeconds(manager: EntityManager): Promise<number | null> {
  const rows: unknown = await manager.query('SHOW PROCESSLIST');
  const waits = Sessions.parse(rows)
    .filter(({ Command }) => Command === 'Query' || Command === 'Execute')
    .map(({ Time }) => Time ?? 0);
  const longest = Math.max(0, ...waits);
  return longest < LONG ? null : longest;
}
