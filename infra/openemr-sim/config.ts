import { z } from 'zod';
import type { OpenEmrAccess } from './connect.js';

/** The simulator's command line reads nothing else of the environment. */
const Environment = z
  .object({
    OPENEMR_DB_HOST: z.string().min(1),
    OPENEMR_DB_PORT: z.coerce.number().int().min(1).max(65_535),
    OPENEMR_DB_NAME: z.string().min(1),
    OPENEMR_DB_CA_FILE: z.string().min(1),
    OPENEMR_DB_USER: z.string().min(1),
    OPENEMR_DB_PASSWORD_FILE: z.string().min(1),
  })
  .transform((environment): OpenEmrAccess => ({
    host: environment.OPENEMR_DB_HOST,
    port: environment.OPENEMR_DB_PORT,
    database: environment.OPENEMR_DB_NAME,
    caFile: environment.OPENEMR_DB_CA_FILE,
    user: environment.OPENEMR_DB_USER,
    passwordFile: environment.OPENEMR_DB_PASSWORD_FILE,
  }));

export class BadEnvironment extends Error {
  override readonly name = 'BadEnvironment';
}

export function readOpenEmrAccess(): OpenEmrAccess {
  const parsed = Environment.safeParse(process.env);
  if (!parsed.success) {
    const names = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw new BadEnvironment(`set these variables for the OpenEMR SIMULATOR's database: ${names}`);
  }
  return parsed.data;
}
