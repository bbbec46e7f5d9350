import { z } from 'zod';
import type { DatabaseConfig } from './database/data-source.js';
import {
  DATABASE_VARIABLES,
  databaseConfig,
  pemFile,
  readEnvironment,
  secretFile,
} from './database/database-environment.js';
import { METRICS_VARIABLES, metricsAddress, type MetricsAddress } from './metrics/metrics-environment.js';
import { REDIS_VARIABLES, redisConfig, type RedisConfig } from './redis/redis-environment.js';

const VARIABLES = {
  ...DATABASE_VARIABLES,
  ...REDIS_VARIABLES,
  ...METRICS_VARIABLES,
  SITE_ID: z.uuid(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  GATEWAY_HOST: z.string().min(1),
  GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535),
  TLS_CERT_FILE: pemFile,
  TLS_KEY_FILE: pemFile,
  AGENT_CA_FILE: pemFile,
  AGENT_COMMON_NAME: z.string().min(1),
  ROOT_PUBLIC_KEY_FILE: secretFile.transform((text, context) => {
    const key = Buffer.from(text, 'base64url');
    if (key.length !== 32) {
      context.addIssue({ code: 'custom', message: 'names a file that is not 32 bytes in base64url' });
    }
    return key;
  }),
};

/** What the gateway's process needs to know. A class, so that providers ask for it by its type. */
export class GatewayConfig {
  readonly siteId!: string;
  readonly logLevel!: string;
  readonly database!: DatabaseConfig;
  readonly redis!: RedisConfig;
  /** the inside-facing address; port 0 takes a free one */
  readonly listen!: { host: string; port: number };
  /** PEM: the gateway's own pair, and the CA that signs the agent's certificate and nothing else */
  readonly tls!: { certificate: string; key: string; agentCa: string };
  /** the one name a client certificate may carry */
  readonly agentCommonName!: string;
  /** raw Ed25519, pinned */
  readonly rootPublicKey!: Buffer;
  /** off when not given */
  readonly metrics?: MetricsAddress | undefined;

  constructor(values: GatewayConfig) {
    Object.assign(this, values);
  }
}

/** @throws Error with one sentence that names every variable to set, and no value */
export function gatewayConfig(environment: NodeJS.ProcessEnv = process.env): GatewayConfig {
  const variables = readEnvironment(VARIABLES, environment);
  return new GatewayConfig({
    siteId: variables.SITE_ID,
    logLevel: variables.LOG_LEVEL,
    database: databaseConfig(variables),
    redis: redisConfig(variables),
    listen: { host: variables.GATEWAY_HOST, port: variables.GATEWAY_PORT },
    tls: {
      certificate: variables.TLS_CERT_FILE,
      key: variables.TLS_KEY_FILE,
      agentCa: variables.AGENT_CA_FILE,
    },
    agentCommonName: variables.AGENT_COMMON_NAME,
    rootPublicKey: variables.ROOT_PUBLIC_KEY_FILE,
    metrics: metricsAddress(variables),
  });
}
