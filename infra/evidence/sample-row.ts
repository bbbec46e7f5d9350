import { z } from 'zod';
import { ListOptionRow } from 'sync-agent/src/openemr/read-lookups';

/** A row with every column filled: words where a word fits, else a number; what matters is given. */
export function filled<Schema extends z.ZodObject>(schema: Schema, given: Record<string, unknown>): z.infer<Schema> {
  const columns = Object.entries(schema.shape).map(([column, type]) => [
    column,
    z.safeParse(type, 'x').success ? `${column} words` : 5,
  ]);
  return schema.parse({ ...Object.fromEntries(columns), ...given });
}

export const option = (list_id: string, option_id: string, notes: string, codes: string): ListOptionRow =>
  ListOptionRow.parse({ list_id, option_id, title: `${list_id} ${option_id}`, notes, codes });
