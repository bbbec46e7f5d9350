import { z } from 'zod';

/** Text column; NULL and the empty string mean the same in OpenEMR. */
export const Text = z
  .string()
  .nullable()
  .transform((text) => (text ?? '').trim());
/** Whole number; NULL counts as 0, OpenEMR's own "none". */
export const Whole = z
  .int()
  .nullable()
  .transform((number) => number ?? 0);
/** Whole number whose absence matters. */
export const OptionalWhole = z.int().nullable();
/** Key column. */
export const Id = z.int();
/** DATE or DATETIME as MariaDB prints it; zero and half-zero dates occur. Null when unset. */
export const WallClock = z
  .string()
  .nullable()
  .transform((text) => (text === null || text === '' ? null : text));
