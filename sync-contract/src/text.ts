import { z } from 'zod';

// Controls other than newline and tab, and the bidirectional overrides and isolates that can make a line read as
// another. Left-to-right and right-to-left marks are part of ordinary writing and stay.
const REFUSED = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069\uFEFF\uFFFE\uFFFF]/u;

/**
 * Text a person typed: line ends become `\n`, outer white space goes, characters are counted as code points.
 * Markup is text like any other; it is escaped where it is written.
 */
export function typedText(limits: { min: number; max: number; singleLine?: boolean }): z.ZodType<string, string> {
  return z
    .string()
    .transform((text) => text.replace(/\r\n?/g, '\n').trim())
    .superRefine((text, context) => {
      const length = [...text].length;
      if (length < limits.min) {
        context.addIssue({ code: 'custom', message: 'must not be empty' });
      } else if (length > limits.max) {
        context.addIssue({ code: 'custom', message: `must have at most ${String(limits.max)} characters` });
      }
      if (REFUSED.test(text) || !text.isWellFormed()) {
        context.addIssue({ code: 'custom', message: 'contains characters that cannot be shown safely' });
      }
      if (limits.singleLine === true && /[\n\t]/.test(text)) {
        context.addIssue({ code: 'custom', message: 'must be a single line' });
      }
    });
}
