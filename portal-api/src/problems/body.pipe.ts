import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import type { FieldError } from './problem.js';
import { BodyRefused } from './request.problems.js';

const NAMED_ELSEWHERE: Partial<Record<z.core.$ZodIssue['code'], string>> = {
  unrecognized_keys: 'has fields that are not known here',
  invalid_key: 'has fields that are not known here',
};

/** Field errors without anything that was sent: paths come from our schemas, and so do messages. */
export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.slice(0, 20).map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: NAMED_ELSEWHERE[issue.code] ?? issue.message,
  }));
}

/** `@Body(new BodyPipe(Schema))`. @throws BodyRefused */
export class BodyPipe<T> implements PipeTransform<unknown, T> {
  constructor(private readonly schema: z.ZodType<T>) {}

  transform(value: unknown): T {
    const parsed = this.schema.safeParse(value ?? {});
    if (!parsed.success) {
      throw new BodyRefused(fieldErrors(parsed.error));
    }
    return parsed.data;
  }
}
