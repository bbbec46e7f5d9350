import { readFileSync } from 'node:fs';
import { TLSSocket } from 'node:tls';
import { Redis } from 'ioredis';
import { z } from 'zod';
import type { AgentConfig, RedisConfig } from '../config.js';
import { failureCode } from '../failure-code.js';
import { checkEnd } from './check-certificates.js';
import { connectTrouble } from '../connect-failure.js';
import { finding, type Finding, type Outcome } from './finding.js';

const PATIENCE = 5_000;
/** first version with the commands that BullMQ's scripts call */
const OLDEST = [6, 2];

/** What `INFO` says, by name. */
type Info = ReadonlyMap<string, string>;

/**
 * What the queues call, in forms that read and change nothing; with the user's own prefix, because an ACL that allows
 * the commands on other keys is of no use.
 */
const NEEDED = (key: string): readonly [string, ...string[]][] => [
  ['EVAL', 'return 1', '0'],
  ['EXISTS', key],
  ['LLEN', key],
  ['ZCARD', key],
  ['XLEN', key],
  ['HLEN', key],
];

/**
 * What the user must not be able to do, one read-only command for each kind of right: administer, see other clients,
 * list keys, touch keys or channels of others. Redis shows a user nothing of its own ACL, so trying is the only way; the
 * refusals stand in `ACL LOG`.
 */
const FORBIDDEN: readonly [string, ...string[]][] = [
  ['CONFIG', 'GET', 'maxmemory'],
  ['ACL', 'WHOAMI'],
  ['CLIENT', 'LIST'],
  ['SLOWLOG', 'LEN'],
  ['DBSIZE'],
  ['SCAN', '0', 'COUNT', '1'],
  ['PUBSUB', 'NUMPAT'],
  ['GET', 'a-key-of-somebody-else'],
];

/** Reachability, TLS, user, memory policy, persistence and version of the inside's Redis. Writes nothing. */
export async function checkRedis(
  { redis: server, queuePrefix }: Pick<AgentConfig, 'redis' | 'queuePrefix'>,
  now: Date,
): Promise<Outcome> {
  const redis = new Redis({
    host: server.host,
    port: server.port,
    username: server.user,
    password: server.password,
    tls: { ca: readFileSync(server.caFile), minVersion: 'TLSv1.2' },
    connectTimeout: PATIENCE,
    commandTimeout: PATIENCE,
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let cause: unknown;
  redis.on('error', (failure: unknown) => (cause ??= failure));
  try {
    await redis.connect();
    const info = infoOf(await redis.info());
    const end = redis.stream instanceof TLSSocket ? redis.stream.getPeerX509Certificate()?.validToDate : undefined;
    return {
      findings: [
        ...(end === undefined ? [] : checkEnd("the certificate of the inside's Redis", end, now)),
        ...checkInfo(info),
        ...(await checkUser(redis, server, `${queuePrefix}:doctor`)),
      ],
    };
  } catch (failure: unknown) {
    return {
      findings: [notConnected(server, cause ?? failure)],
      notChecked: ["Redis's settings and the rights of its user, because there is no connection to it"],
    };
  } finally {
    redis.disconnect();
  }
}

function notConnected({ user }: RedisConfig, failure: unknown): Finding {
  const word = replyWord(failure);
  if (word !== null) {
    return finding(
      'redis-denied',
      `Redis does not let the user ${user} in (${word})`,
      'set REDIS_USER and REDIS_PASSWORD_FILE to a user of its ACL file',
    );
  }
  return connectTrouble(failure) === 'unreachable'
    ? finding(
        'redis-unreachable',
        `nothing answers with TLS at REDIS_HOST and REDIS_PORT (${failureCode(failure)})`,
        'start Redis with a tls-port, or set the address',
      )
    : finding(
        'redis-certificate-refused',
        `the certificate of Redis is not accepted (${failureCode(failure)})`,
        'give it one of the CA in REDIS_CA_FILE with the name in REDIS_HOST',
      );
}

/** @param info what INFO said */
export function checkInfo(info: Info): Finding[] {
  const found: Finding[] = [];
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < (OLDEST[0] ?? 0) || (major === OLDEST[0] && minor < (OLDEST[1] ?? 0))) {
    found.push(finding('redis-too-old', `Redis is of version ${version}`, 'use Redis 6.2 or newer, best 7'));
  }
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy !== 'noeviction') {
    found.push(
      finding(
        'redis-evicts',
        `Redis drops keys when memory is short (maxmemory-policy ${policy})`,
        'set maxmemory-policy noeviction',
      ),
    );
  }
  if (info.get('aof_enabled') !== '1') {
    found.push(
      finding(
        'redis-not-persistent',
        'Redis forgets the queues with a restart',
        'set appendonly yes in its configuration',
      ),
    );
  }
  return found;
}

async function checkUser(redis: Redis, { user }: RedisConfig, key: string): Promise<Finding[]> {
  const lacks = await those(NEEDED(key), async (command) => !(await isAllowed(redis, command)));
  const exceeds = await those(FORBIDDEN, (command) => isAllowed(redis, command));
  return [
    ...(lacks.length === 0
      ? []
      : [
          finding(
            'redis-user-lacks',
            `the Redis user ${user} may not use ${lacks.join(', ')} on keys of QUEUE_PREFIX`,
            'give it the rules of the ACL file that belongs to this version, and keys that begin with QUEUE_PREFIX',
          ),
        ]),
    ...(exceeds.length === 0
      ? []
      : [
          finding(
            'redis-user-excessive',
            `the Redis user ${user} may do more than the queues need (${exceeds.join(', ')})`,
            'give it the rules of the ACL file that belongs to this version and no others',
          ),
        ]),
  ];
}

async function those(
  commands: readonly [string, ...string[]][],
  holds: (command: [string, ...string[]]) => Promise<boolean>,
): Promise<string[]> {
  const found: string[] = [];
  for (const command of commands) {
    if (await holds([...command])) {
      found.push(command[0] === 'GET' ? 'GET on foreign keys' : command.slice(0, 2).join(' '));
    }
  }
  return found;
}

async function isAllowed(redis: Redis, [command, ...values]: [string, ...string[]]): Promise<boolean> {
  try {
    await redis.call(command, values);
    return true;
  } catch (failure: unknown) {
    if (replyWord(failure) === 'NOPERM') {
      return false;
    }
    throw failure;
  }
}

const Reply = z.object({ name: z.literal('ReplyError'), message: z.string() });

/** Redis begins every refusal with a word that is its code; null for what is no answer of Redis. */
function replyWord(failure: unknown): string | null {
  const reply = Reply.safeParse(failure).data;
  return reply === undefined ? null : (/^[A-Z]+/.exec(reply.message)?.[0] ?? 'ERR');
}

function infoOf(text: string): Info {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}
