import type { PipeTransform } from '@nestjs/common';
import { ProtocolVersionRefused, assertProtocolVersion } from 'sync-contract/protocol';
import { z } from 'zod';
import { VersionRefused, WireBodyRefused } from './gateway.problems.js';

const Versioned = z.looseObject({ v: z.unknown().optional() });
const NAMED = 20;

/** `@Body(new WireBody(Schema))`: the version first, so that a newer side is told so instead of a list of shapes. */
export class WireBody<T> implements PipeTransform<unknown, T> {
  constructor(private readonly schema: z.ZodType<T>) {}

  /** @throws VersionRefused, WireBodyRefused */
  transform(value: unknown): T {
    const versioned = Versioned.safeParse(value);
    if (!versioned.success) {
      throw new WireBodyRefused('the body is no object');
    }
    try {
      assertProtocolVersion(versioned.data.v);
    } catch (error: unknown) {
      throw error instanceof ProtocolVersionRefused ? new VersionRefused(error.message) : error;
    }
    const parsed = this.schema.safeParse(value);
    if (!parsed.success) {
      // Paths and kinds only: messages and keys may repeat what was sent.
      const faults = parsed.error.issues
        .slice(0, NAMED)
        .map((issue) => `${issue.path.map(String).join('.')}: ${issue.code}`);
      throw new WireBodyRefused(faults.join('; '));
    }
    return parsed.data;
  }
}
