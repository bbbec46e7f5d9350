import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SiteId } from 'sync-contract/identifiers';

/** An account at a database or Redis; the password was read from its file. */
export interface Account {
  user: string;
  password: string;
}

export interface LedgerAddress {
  host: string;
  port: number;
  caFile: string;
  /** OpenEMR's database and the ledger's, on one server. */
  openemrName: string;
  ledgerName: string;
}

export interface GatewayConfig {
  url: string;
  caFile: string;
  /** name its certificate must carry, whatever the address */
  name: string;
  certFile: string;
  keyFile: string;
}

export interface RedisConfig extends Account {
  host: string;
  port: number;
  caFile: string;
}

/** OpenEMR's HTTP API, for the bytes of documents and C-CDAs. */
export interface OpenEmrApiConfig {
  /** scheme, host and port as OpenEMR itself is told them (Site Address) */
  url: string;
  /** name of the folder below OpenEMR's `sites/` */
  site: string;
  caFile: string;
  /** written by `register` */
  clientIdFile: string;
  keyDir: string;
  /** patients may ask for OpenEMR's own C-CDA */
  ccd?: boolean;
}

/** Where the process shows its metrics; port 0 takes a free one. */
export interface MetricsAddress {
  host: string;
  port: number;
}

/** How changes of OpenEMR are noticed: read from the binlog, or looked for. Times in milliseconds. */
export type FeedConfig =
  { kind: 'binlog'; account: Account } | { kind: 'polling'; passEvery: number; lookEvery: number };

/** Everything the agent process is told from outside. */
export interface AgentConfig {
  siteId: string;
  logLevel: string;
  keyDir: string;
  gateway: GatewayConfig;
  database: LedgerAddress;
  reader: Account;
  writer: Account;
  feed: FeedConfig;
  redis: RedisConfig;
  queuePrefix: string;
  portalOrigin: string;
  /** topic → OpenEMR user name; `default` takes the topics that are not named */
  pools: Readonly<Record<string, string>> & { readonly default: string };
  /** messages of one account that are taken in a day */
  messagesPerDay: number;
  /** absent where the clinic gives no access to it: the agent then does without documents */
  openemrApi?: OpenEmrApiConfig;
  /** off when not given */
  metrics?: MetricsAddress | undefined;
  reconciliation: {
    /** pause between two comparisons with the DMZ, seconds */
    every: number;
    /** hour of the clinic's day from which on all charts are read again */
    hour: number;
  };
}

/**
 * Protections that a drill may switch off, each to show that the drill would notice: acknowledging before the ledger
 * has committed, writing OpenEMR outside the ledger's transaction, replicating without sealing, delivering without
 * looking whether OpenEMR holds the message already.
 */
const DrillFault = z.enum(['ack-before-commit', 'openemr-outside-transaction', 'sealing-off', 'read-back-off']);
export type DrillFault = z.infer<typeof DrillFault>;

/** Lies in the key folder of a drill's agent and of no other, so that a variable alone switches nothing off. */
export const DRILL_ONLY_FILE = 'drill-only';

/** The environment does not say what the program needs; each sentence names a variable and what to set. */
export class ConfigurationRefused extends Error {
  readonly code = 'configuration-refused';
  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PLACEHOLDER = /^(change.?me|todo|xxx+|placeholder|example|<.*>|\$\{.*\})$/i;

const given = z
  .string({ error: 'is not set' })
  .min(1, 'is empty')
  .refine((value) => !PLACEHOLDER.test(value), 'still has a placeholder value');
const port = given.transform(Number).pipe(z.int('must be a port number').min(1).max(65_535));
const databaseName = given.regex(/^[A-Za-z0-9_]{1,64}$/, 'must be a database name of letters, digits and _');
const readable = given.refine((path) => fileContent(path) !== undefined, 'must be the path of a readable file');
const secretFile = given.transform((path, context) => {
  const secret = fileContent(path)?.replace(/\r?\n$/, '');
  if (secret === undefined || secret === '' || PLACEHOLDER.test(secret)) {
    context.addIssue({ code: 'custom', message: 'must be the path of a file with the secret' });
    return z.NEVER;
  }
  return secret;
});
const Pools = given.transform((text, context): AgentConfig['pools'] => {
  const parsed = z
    .object({ default: z.string().min(1) })
    .catchall(z.string().min(1))
    .safeParse(jsonOf(text));
  if (!parsed.success) {
    context.addIssue({ code: 'custom', message: 'must be JSON like {"default":"<OpenEMR user name>"}' });
    return z.NEVER;
  }
  return parsed.data;
});

const DATABASE = {
  OPENEMR_DB_HOST: given,
  OPENEMR_DB_PORT: port,
  OPENEMR_DB_NAME: databaseName,
  OPENEMR_DB_CA_FILE: readable,
  LEDGER_DB_NAME: databaseName,
};
const KEYS = { SITE_ID: SiteId, KEY_DIR: given };
const OPENEMR_API = {
  OPENEMR_URL: z.url({ protocol: /^https$/, error: 'must be the https address of OpenEMR' }),
  OPENEMR_CA_FILE: readable,
  OPENEMR_CLIENT_ID_FILE: given,
  OPENEMR_SITE: given.regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the name of a folder below sites/').default('default'),
  OPENEMR_CCD: z.enum(['on', 'off'], 'must be on or off').default('off'),
};
const OPENEMR_API_NAMES = Object.keys(OPENEMR_API);
const LOG_LEVEL = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info');

const AgentEnvironment = z.object({
  ...KEYS,
  ...DATABASE,
  LOG_LEVEL,
  GATEWAY_URL: z.url({ protocol: /^https$/, error: 'must be the https address of the gateway' }),
  GATEWAY_CA_FILE: readable,
  GATEWAY_NAME: given,
  AGENT_CERT_FILE: readable,
  AGENT_KEY_FILE: readable,
  READER_USER: given,
  READER_PASSWORD_FILE: secretFile,
  WRITER_USER: given,
  WRITER_PASSWORD_FILE: secretFile,
  FEED: z.enum(['binlog', 'polling'], 'must be binlog or polling').default('binlog'),
  REDIS_HOST: given,
  REDIS_PORT: port,
  REDIS_USER: given,
  REDIS_PASSWORD_FILE: secretFile,
  REDIS_CA_FILE: readable,
  QUEUE_PREFIX: given.regex(/^[a-z][a-z0-9_-]*$/).default('bull-inside'),
  PORTAL_ORIGIN: z.url({
    protocol: /^https?$/,
    error: 'must be the address patients type, e.g. https://portal.example.org',
  }),
  POOLS: Pools,
  MESSAGES_PER_DAY: z.coerce.number('must be a whole number').int('must be a whole number').min(1).default(200),
  RECONCILE_SECONDS: z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(10)
    .max(900)
    .default(900),
  RECONCILE_HOUR: z.coerce.number('must be an hour').int('must be an hour').min(0).max(23).default(2),
  METRICS_HOST: given.default('127.0.0.1'),
  METRICS_PORT: z.coerce.number('must be a port number').int('must be a port number').min(0).max(65_535).optional(),
  DRILL_FAULT: DrillFault.optional(),
});

/** Pause between two quick looks when polling. */
const LOOK_EVERY = 5_000;
const BINLOG_FEED = { FEED_USER: given, FEED_PASSWORD_FILE: secretFile };
const POLLING_FEED = {
  POLLING_SECONDS: z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(10)
    .max(900)
    .default(600),
};
/** What each kind of change feed needs; the other's variables are not looked at. */
const FEEDS = {
  binlog: z.object(BINLOG_FEED).transform(({ FEED_USER, FEED_PASSWORD_FILE }): { feed: FeedConfig } => ({
    feed: { kind: 'binlog', account: { user: FEED_USER, password: FEED_PASSWORD_FILE } },
  })),
  polling: z.object(POLLING_FEED).transform(({ POLLING_SECONDS }): { feed: FeedConfig } => ({
    feed: { kind: 'polling', passEvery: POLLING_SECONDS * 1_000, lookEvery: LOOK_EVERY },
  })),
} as const;

const OwnerEnvironment = z.object({ ...DATABASE, LEDGER_OWNER_USER: given, LEDGER_OWNER_PASSWORD_FILE: secretFile });
/** Names of all variables that an installation may set. */
export const AGENT_VARIABLES: readonly string[] = [
  ...Object.keys(AgentEnvironment.shape).filter((name) => name !== 'DRILL_FAULT'),
  ...Object.keys({ ...BINLOG_FEED, ...POLLING_FEED }),
  ...Object.keys(OwnerEnvironment.shape),
  ...OPENEMR_API_NAMES,
];
const KeysEnvironment = z.object(KEYS);
const OpenEmrApiEnvironment = z.object({ ...OPENEMR_API, KEY_DIR: given });
const CrashEnvironment = z.object({
  CRASH_POINT: z.string().min(1),
  CRASH_POINT_AFTER: z.coerce.number().int().min(1).default(1),
  CRASH_POINT_LOG: z.string().min(1).optional(),
});

/** @throws ConfigurationRefused */
export function readAgentConfig(environment: Environment = process.env): AgentConfig {
  const feed = environment['FEED'] === 'polling' ? FEEDS.polling : FEEDS.binlog;
  const env = parse(AgentEnvironment.and(feed), environment);
  if (env.DRILL_FAULT !== undefined && drillFaultIn(environment) === undefined) {
    throw new ConfigurationRefused([
      `DRILL_FAULT switches a protection off and is for drills only: unset it, or run a drill, whose KEY_DIR has a file ${DRILL_ONLY_FILE}`,
    ]);
  }
  const openemrApi = namesOpenEmrApi(environment) ? readOpenEmrApiConfig(environment) : undefined;
  if (openemrApi?.ccd === true && env.feed.kind === 'polling') {
    throw new ConfigurationRefused([
      'OPENEMR_CCD=on needs FEED=binlog: polling does not see rows that move to another patient, which a C-CDA goes on showing',
    ]);
  }
  return {
    siteId: env.SITE_ID,
    logLevel: env.LOG_LEVEL,
    keyDir: env.KEY_DIR,
    gateway: {
      url: env.GATEWAY_URL,
      caFile: env.GATEWAY_CA_FILE,
      name: env.GATEWAY_NAME,
      certFile: env.AGENT_CERT_FILE,
      keyFile: env.AGENT_KEY_FILE,
    },
    database: addressOf(env),
    reader: { user: env.READER_USER, password: env.READER_PASSWORD_FILE },
    writer: { user: env.WRITER_USER, password: env.WRITER_PASSWORD_FILE },
    feed: env.feed,
    redis: {
      host: env.REDIS_HOST,
      port: env.REDIS_PORT,
      caFile: env.REDIS_CA_FILE,
      user: env.REDIS_USER,
      password: env.REDIS_PASSWORD_FILE,
    },
    queuePrefix: env.QUEUE_PREFIX,
    portalOrigin: new URL(env.PORTAL_ORIGIN).origin,
    pools: env.POOLS,
    messagesPerDay: env.MESSAGES_PER_DAY,
    metrics: env.METRICS_PORT === undefined ? undefined : { host: env.METRICS_HOST, port: env.METRICS_PORT },
    reconciliation: { every: env.RECONCILE_SECONDS, hour: env.RECONCILE_HOUR },
    openemrApi,
  };
}

/** What `register` needs; all of it must be given once any of it is. @throws ConfigurationRefused */
export function readOpenEmrApiConfig(environment: Environment = process.env): OpenEmrApiConfig {
  const env = parse(OpenEmrApiEnvironment, environment);
  return {
    url: new URL(env.OPENEMR_URL).origin,
    site: env.OPENEMR_SITE,
    caFile: env.OPENEMR_CA_FILE,
    clientIdFile: env.OPENEMR_CLIENT_ID_FILE,
    keyDir: env.KEY_DIR,
    ccd: env.OPENEMR_CCD === 'on',
  };
}

/** `OPENEMR_CCD=off` needs nothing. */
function namesOpenEmrApi(environment: Environment): boolean {
  return OPENEMR_API_NAMES.some(
    (name) => environment[name] !== undefined && !(name === 'OPENEMR_CCD' && environment[name] === 'off'),
  );
}

/** What `ledger migrate` needs: the owner account, which the running agent never sees. @throws ConfigurationRefused */
export function readOwnerConfig(environment: Environment = process.env): { address: LedgerAddress; owner: Account } {
  const env = parse(OwnerEnvironment, environment);
  return {
    address: addressOf(env),
    owner: { user: env.LEDGER_OWNER_USER, password: env.LEDGER_OWNER_PASSWORD_FILE },
  };
}

/** The owner account where the environment names it; the running agent's need not. @throws ConfigurationRefused */
export function readOwnerIfAny(environment: Environment = process.env): Account | null {
  return environment['LEDGER_OWNER_USER'] === undefined ? null : readOwnerConfig(environment).owner;
}

/** Files with passwords and private keys, by the variables that name them. Nobody has looked whether they exist. */
export function readSecretFiles(environment: Environment = process.env): { variable: string; path: string }[] {
  return Object.keys({ ...AgentEnvironment.shape, ...BINLOG_FEED, ...OwnerEnvironment.shape })
    .filter((variable) => /_(PASSWORD|SECRET|KEY)_FILE$/.test(variable))
    .flatMap((variable) => {
      const path = environment[variable];
      return path === undefined || path === '' ? [] : [{ variable, path }];
    });
}

/** What `keys init` needs. @throws ConfigurationRefused */
export function readKeysConfig(environment: Environment = process.env): { siteId: string; keyDir: string } {
  const env = parse(KeysEnvironment, environment);
  return { siteId: env.SITE_ID, keyDir: env.KEY_DIR };
}

let crash: { name: string; after: number; log?: string } | null | undefined;

/** Where the crash drill wants this process to die; null outside the drill. */
export function crashPointSettings(): { name: string; after: number; log?: string } | null {
  if (crash === undefined) {
    const env = CrashEnvironment.safeParse(process.env);
    crash = env.success
      ? { name: env.data.CRASH_POINT, after: env.data.CRASH_POINT_AFTER, log: env.data.CRASH_POINT_LOG }
      : null;
  }
  return crash;
}

/** null: looked, and there is none */
let fault: DrillFault | null | undefined;

/** The protection a drill's control run has switched off; undefined outside such a run, whatever the variable says. */
export function drillFaultSetting(): DrillFault | undefined {
  if (fault === undefined) {
    fault = drillFaultIn(process.env) ?? null;
  }
  return fault ?? undefined;
}

function drillFaultIn(environment: Environment): DrillFault | undefined {
  const { DRILL_FAULT, KEY_DIR } = environment;
  const named = DrillFault.safeParse(DRILL_FAULT).data;
  return KEY_DIR !== undefined && existsSync(join(KEY_DIR, DRILL_ONLY_FILE)) ? named : undefined;
}

function addressOf(env: {
  OPENEMR_DB_HOST: string;
  OPENEMR_DB_PORT: number;
  OPENEMR_DB_NAME: string;
  OPENEMR_DB_CA_FILE: string;
  LEDGER_DB_NAME: string;
}): LedgerAddress {
  return {
    host: env.OPENEMR_DB_HOST,
    port: env.OPENEMR_DB_PORT,
    caFile: env.OPENEMR_DB_CA_FILE,
    openemrName: env.OPENEMR_DB_NAME,
    ledgerName: env.LEDGER_DB_NAME,
  };
}

function parse<T>(schema: z.ZodType<T>, environment: Environment): T {
  const parsed = schema.safeParse(environment);
  if (!parsed.success) {
    throw new ConfigurationRefused(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
  }
  return parsed.data;
}

function fileContent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
