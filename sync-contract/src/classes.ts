import { z } from 'zod';

/**
 * The classes of records. A class is what a grant can name and what one key encrypts; the list is complete for
 * USCDI v3 so that a later section needs no new format.
 */
export const RECORD_CLASSES = [
  'profile',
  'problems',
  'medications',
  'allergies',
  'immunizations',
  'vitals',
  'results',
  'reports',
  'encounters',
  'notes',
  'procedures',
  'care-team',
  'care-plan',
  'goals',
  'assessments',
  'devices',
  'coverage',
  'social-history',
  'appointments',
  'documents',
  'billing',
  'messages',
  'receipts',
  'practice',
  'provenance',
] as const;

export const RecordClass = z.enum(RECORD_CLASSES);
export type RecordClass = z.infer<typeof RecordClass>;

/** Section name: its class, or class and one part, e.g. `medications`, `results/2026`, `messages/<thread id>`. */
export const SectionName = z
  .string()
  .regex(/^[a-z][a-z-]{0,31}(\/[0-9a-z-]{1,64})?$/)
  .refine((name) => RecordClass.safeParse(classOfSection(name)).success, 'names no class of records');
export type SectionName = z.infer<typeof SectionName>;

/** The part of a section's name before the slash. */
export function classOfSection(name: string): string {
  const slash = name.indexOf('/');
  return slash < 0 ? name : name.slice(0, slash);
}
