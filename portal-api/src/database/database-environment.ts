import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { DatabaseConfig } from './data-source.js';

/** `X_FILE` variable: path of a file with the value. Placeholders and empty files stop the start. */
export const secretFile = z
  .string()
  .min(1)
  .transform((path, context) => readFileOr(path, context, (text) => text.trim()));

/** `X_FILE` variable with a PEM, kept as it is. */
export const pemFile = z
  .string()
  .min(1)
  .transform((path, context) => readFileOr(path, context, (text) => text));

function readFileOr(path: string, context: z.RefinementCtx, use: (text: string) => string): string {
  try {
    const value = use(readFileSync(path, 'utf8'));
    if (value !== '' && !/change-?me|placeholder/i.test(value)) {
      return value;
    }
    context.addIssue({ code: 'custom', message: 'names a file that holds no real value' });
  } catch {
    context.addIssue({ code: 'custom', message: 'names a file that cannot be read' });
  }
  return z.NEVER;
}

const port = z.coerce.number().int().min(1).max(65_535);

/** The variables of every process with a MariaDB connection. */
export const DATABASE_VARIABLES = {
  DB_HOST: z.string().min(1),
  DB_PORT: port,
  DB_NAME: z.string().regex(/^\w{1,64}$/, 'must be a plain database name'),
  DB_USER: z.string().min(1),
  DB_PASSWORD_FILE: secretFile,
  DB_CA_FILE: pemFile,
};

export function databaseConfig(variables: z.infer<z.ZodObject<typeof DATABASE_VARIABLES>>): DatabaseConfig {
  return {
    host: variables.DB_HOST,
    port: variables.DB_PORT,
    name: variables.DB_NAME,
    user: variables.DB_USER,
    password: variables.DB_PASSWORD_FILE,
    ca: variables.DB_CA_FILE,
  };
}

/** @throws Error with one sentence that names every variable to set, and no value */
export function readEnvironment<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: NodeJS.ProcessEnv,
): z.infer<z.ZodObject<Shape>> {
  const parsed = z.object(shape).safeParse(environment);
  if (!parsed.success) {
    const complaints = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new Error(`The environment is not complete: ${complaints.join('; ')}.`);
  }
  return parsed.data;
}
