import { readFileSync } from 'node:fs';
import type { DoctorUnderTest, Made, Misconfiguration } from './doctor-under-test.js';

const restarted =
  (settings: Record<string, string>) =>
  async ({ services }: DoctorUnderTest): Promise<Made> => {
    await services.restart('inside', 'redis', settings);
    return { undo: () => services.restart('inside', 'redis') };
  };

/** Redis with other rules for the agent's user. */
const withUser =
  (more: string) =>
  async (inside: DoctorUnderTest): Promise<Made> => {
    const users = readFileSync(inside.path('redis/users.acl'), 'utf8').replace(/^(user sync_agent .*)$/m, `$1 ${more}`);
    const file = inside.serverFile('redis/users-changed.acl', users);
    return restarted({ aclfile: file })(inside);
  };

export const REDIS_CASES: readonly Misconfiguration[] = [
  {
    name: 'nothing where Redis should be',
    make: () => ({ environment: { REDIS_PORT: '1' } }),
    finds: ['redis-unreachable'],
    says: /ECONNREFUSED/,
  },
  {
    name: 'a Redis of another CA',
    make: (inside) => ({ environment: { REDIS_CA_FILE: inside.path('tls/crossing-ca.crt') } }),
    finds: ['redis-certificate-refused'],
    says: /not accepted/,
  },
  {
    name: 'a wrong password for Redis',
    make: (inside) => ({ environment: { REDIS_PASSWORD_FILE: inside.file('wrong') } }),
    finds: ['redis-denied'],
    says: /WRONGPASS/,
  },
  {
    name: 'queues under a prefix that the user may not touch',
    make: () => ({ environment: { QUEUE_PREFIX: 'queues' } }),
    finds: ['redis-user-lacks'],
    says: /EXISTS queues:doctor/,
  },
  {
    name: 'a Redis user without scripts',
    make: withUser('-eval'),
    finds: ['redis-user-lacks'],
    says: /EVAL/,
  },
  {
    name: 'a Redis user who may do everything',
    make: withUser('+@all ~*'),
    finds: ['redis-user-excessive'],
    says: /CONFIG GET.*GET on foreign keys/,
  },
  {
    name: 'a Redis user who may list keys',
    make: withUser('+scan'),
    finds: ['redis-user-excessive'],
    says: /\(SCAN 0\)/,
  },
  {
    name: 'a Redis that drops keys',
    make: restarted({ 'maxmemory-policy': 'allkeys-lru' }),
    finds: ['redis-evicts'],
    says: /allkeys-lru/,
  },
  {
    name: 'a Redis that forgets with a restart',
    make: restarted({ appendonly: 'no' }),
    finds: ['redis-not-persistent'],
    says: /forgets/,
  },
];
