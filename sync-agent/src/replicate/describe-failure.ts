import { z } from 'zod';
import { failureCode } from '../failure-code.js';
import { GatewayFailure } from '../gateway-client/gateway-failures.js';

const Levelled = z.object({ logLevel: z.enum(['warn', 'error']) });

export function levelOf(failure: unknown): 'warn' | 'error' {
  return Levelled.safeParse(failure).data?.logLevel ?? 'error';
}

/** Sentences of our own errors carry no patient's data; those of drivers may quote values and stay out. */
export function reasonOf(failure: unknown): string {
  const own = failure instanceof GatewayFailure || Levelled.safeParse(failure).success;
  return own && failure instanceof Error ? failure.message : failureCode(failure);
}
