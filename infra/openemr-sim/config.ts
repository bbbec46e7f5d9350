import { z } from 'zod';
import type { OpenEmrAccess } from './connect.js';

const Database = z
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

const Documents = z.object({ DOCUMENTS_DIR: z.string().min(1) });

const Http = z.object({
  LISTEN_HOST: z.string().min(1),
  LISTEN_PORT: z.coerce.number().int().min(1).max(65_535),
  TLS_CERT_FILE: z.string().min(1),
  TLS_KEY_FILE: z.string().min(1),
  ...Documents.shape,
});

/** What the simulator's HTTP side is told from outside. */
export interface SimHttpSettings {
  database: OpenEmrAccess;
  host: string;
  port: number;
  certificateFile: string;
  keyFile: string;
  documentsDir: string;
}

export class BadEnvironment extends Error {
  override readonly name = 'BadEnvironment';
}

export function readOpenEmrAccess(): OpenEmrAccess {
  return read(Database, "the OpenEMR SIMULATOR's database");
}

/** Where documents' bytes lie. */
export function readDocumentsDir(): string {
  return read(Documents, "the OpenEMR SIMULATOR's documents").DOCUMENTS_DIR;
}

export function readSimHttpSettings(): SimHttpSettings {
  const environment = read(Http, "the OpenEMR SIMULATOR's HTTP side");
  return {
    database: readOpenEmrAccess(),
    host: environment.LISTEN_HOST,
    port: environment.LISTEN_PORT,
    certificateFile: environment.TLS_CERT_FILE,
    keyFile: environment.TLS_KEY_FILE,
    documentsDir: environment.DOCUMENTS_DIR,
  };
}

function read<T>(schema: z.ZodType<T>, purpose: string): T {
  const parsed = schema.safeParse(process.env);
  if (!parsed.success) {
    const names = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw new BadEnvironment(`set these variables for ${purpose}: ${names}`);
  }
  return parsed.data;
}
