import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { DatabaseConfig } from './database/data-source.js';
import { DATABASE_VARIABLES, databaseConfig, readEnvironment, secretFile } from './database/database-environment.js';
import { METRICS_VARIABLES, metricsAddress, type MetricsAddress } from './metrics/metrics-environment.js';
import { REDIS_VARIABLES, redisConfig, type RedisConfig } from './redis/redis-environment.js';

const keyFile = secretFile.transform((text, context) => {
  const key = Buffer.from(text, 'base64url');
  if (key.length !== 32) {
    context.addIssue({ code: 'custom', message: 'names a file that is not 32 bytes in base64url' });
  }
  return key;
});

const VARIABLES = {
  ...DATABASE_VARIABLES,
  ...REDIS_VARIABLES,
  ...METRICS_VARIABLES,
  SITE_ID: z.uuid(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
  PUBLIC_ORIGIN: z
    .string()
    .refine((url) => URL.parse(url)?.origin === url, 'must be an origin like https://portal.example'),
  LISTEN_HOST: z.string().min(1),
  LISTEN_PORT: z.coerce.number().int().min(0).max(65_535),
  WEB_ROOT: z
    .string()
    .refine((folder) => existsSync(join(folder, 'index.html')), 'is not a folder with a built web app'),
  ROOT_PUBLIC_KEY_FILE: keyFile,
  PEPPER_FILE: keyFile,
  BLIND_INDEX_KEY_FILE: keyFile,
  PRACTICE_NAME: z.string().min(1).max(120),
  PRACTICE_TIME_ZONE: z
    .string()
    .refine((zone) => Intl.supportedValuesOf('timeZone').includes(zone) || zone === 'UTC', 'must be an IANA time zone'),
  TRUST_PROXY: z.string().optional(),
  DRILL_FAULT: z.literal('verification-off').optional(),
};

/** Lies beside the pepper of a drill's portal and of no other, so that a variable alone switches nothing off. */
const DRILL_ONLY_FILE = 'drill-only';

/** What portal-api's public process needs to know. A class, so that providers ask for it by its type. */
export class PortalConfig {
  readonly siteId!: string;
  readonly logLevel!: string;
  readonly database!: DatabaseConfig;
  readonly redis!: RedisConfig;
  /** scheme, host and port of the page, as the browser names it in `origin` */
  readonly publicOrigin!: string;
  readonly listen!: { host: string; port: number };
  /** folder with the built web app */
  readonly webRoot!: string;
  /** raw Ed25519, pinned: the only root of trust for what the inside signs */
  readonly rootPublicKey!: Buffer;
  readonly pepper!: Buffer;
  readonly blindIndexKey!: Buffer;
  readonly practice!: { name: string; timeZone: string };
  /** addresses of proxies whose forwarding headers count; none unless configured */
  readonly trustProxy!: string[];
  /** off when not given */
  readonly metrics?: MetricsAddress | undefined;
  /** a drill's control serves what does not verify, to show that the drill would notice; never so outside a drill */
  readonly verificationOff?: boolean | undefined;

  constructor(values: PortalConfig) {
    Object.assign(this, values);
  }
}

/**
 * The process itself speaks HTTP, so an https origin means a proxy before it: unless its addresses are known, all
 * patients share its address, and with it one throttle.
 * @throws Error with one sentence that names every variable to set, and no value
 */
export function portalConfig(environment: NodeJS.ProcessEnv = process.env): PortalConfig {
  const variables = readEnvironment(VARIABLES, environment);
  const trustProxy = (variables.TRUST_PROXY ?? '').split(',').flatMap((address) => address.trim() || []);
  if (variables.PUBLIC_ORIGIN.startsWith('https:') && trustProxy.length === 0) {
    throw new Error('TRUST_PROXY must name the addresses of the proxy that serves an https PUBLIC_ORIGIN');
  }
  const drillFolder = dirname(environment['PEPPER_FILE'] ?? '');
  if (variables.DRILL_FAULT !== undefined && !existsSync(join(drillFolder, DRILL_ONLY_FILE))) {
    throw new Error(
      `DRILL_FAULT switches a protection off and is for drills only: unset it, or run a drill, whose PEPPER_FILE lies beside a file ${DRILL_ONLY_FILE}`,
    );
  }
  return new PortalConfig({
    siteId: variables.SITE_ID,
    logLevel: variables.LOG_LEVEL,
    database: databaseConfig(variables),
    redis: redisConfig(variables),
    publicOrigin: variables.PUBLIC_ORIGIN,
    listen: { host: variables.LISTEN_HOST, port: variables.LISTEN_PORT },
    webRoot: variables.WEB_ROOT,
    rootPublicKey: variables.ROOT_PUBLIC_KEY_FILE,
    pepper: variables.PEPPER_FILE,
    blindIndexKey: variables.BLIND_INDEX_KEY_FILE,
    practice: { name: variables.PRACTICE_NAME, timeZone: variables.PRACTICE_TIME_ZONE },
    trustProxy,
    metrics: metricsAddress(variables),
    verificationOff: variables.DRILL_FAULT !== undefined,
  });
}
