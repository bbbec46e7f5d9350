import { z } from 'zod';
import { IdempotencyKeyMissing } from './submission.problems.js';

const IdempotencyKey = z.string().regex(/^[A-Za-z0-9_-]{16,64}$/);

/** @throws IdempotencyKeyMissing */
export function idempotencyKeyOf(header: unknown): string {
  const key = IdempotencyKey.safeParse(header);
  if (!key.success) {
    throw new IdempotencyKeyMissing();
  }
  return key.data;
}
