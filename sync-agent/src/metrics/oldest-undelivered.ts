import type { EntityManager } from 'typeorm';
import { z } from 'zod';

const Age = z.tuple([z.object({ age: z.coerce.number().nullable() })]);

/** Seconds since the oldest submission that waits for its delivery was received; 0 when none waits. */
export async function oldestUndelivered(manager: EntityManager): Promise<number> {
  const rows: unknown = await manager.query(
    `SELECT TIMESTAMPDIFF(MICROSECOND, MIN(received_at), UTC_TIMESTAMP(3)) / 1000000 AS age
       FROM submission WHERE state = 'RECEIVED'`,
  );
  return Math.max(0, Age.parse(rows)[0].age ?? 0);
}
