import { z } from 'zod';

const Coded = z.object({ code: z.string().regex(/^[\w-]{1,60}$/) });

/** What a log may say of any failure: fixed words. Messages of drivers and of zod may quote values. */
export function failureCode(failure: unknown): string {
  if (failure instanceof z.ZodError) {
    return 'unexpected-shape';
  }
  return Coded.safeParse(failure).data?.code ?? (failure instanceof Error ? failure.name : 'unknown');
}
