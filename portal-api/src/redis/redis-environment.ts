import { z } from 'zod';
import { pemFile, secretFile } from '../database/database-environment.js';

/** How a process reaches its Redis. */
export interface RedisConfig {
  host: string;
  port: number;
  user: string;
  password: string;
  /** PEM of the CA that signed the server's certificate */
  ca: string;
}

/** The variables of every process with a Redis connection. */
export const REDIS_VARIABLES = {
  REDIS_HOST: z.string().min(1),
  REDIS_PORT: z.coerce.number().int().min(1).max(65_535),
  REDIS_USER: z.string().min(1),
  REDIS_PASSWORD_FILE: secretFile,
  REDIS_CA_FILE: pemFile,
};

export function redisConfig(variables: z.infer<z.ZodObject<typeof REDIS_VARIABLES>>): RedisConfig {
  return {
    host: variables.REDIS_HOST,
    port: variables.REDIS_PORT,
    user: variables.REDIS_USER,
    password: variables.REDIS_PASSWORD_FILE,
    ca: variables.REDIS_CA_FILE,
  };
}
