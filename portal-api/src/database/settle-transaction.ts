import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';

/** InnoDB undid the transaction, or two first writers met: the same work again succeeds. */
const AGAIN = ['ER_LOCK_DEADLOCK', 'ER_DUP_ENTRY', 'ER_CHECKREAD'];
const TRIES = 4;

const DriverFailure = z.looseObject({ driverError: z.looseObject({ code: z.string() }) });

/** MariaDB's name of a failure, e.g. `ER_DUP_ENTRY`. */
export function databaseErrorCode(error: unknown): string | undefined {
  const parsed = DriverFailure.safeParse(error);
  return parsed.success ? parsed.data.driverError.code : undefined;
}

/**
 * A transaction in READ COMMITTED (row locks only, no gap locks that would hold up inserts of others), begun again when
 * it collided. `work` must therefore be free of effects outside the database.
 */
export async function settleTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await dataSource.transaction('READ COMMITTED', work);
    } catch (error: unknown) {
      if (attempt === TRIES || !AGAIN.includes(databaseErrorCode(error) ?? '')) {
        throw error;
      }
    }
  }
}
