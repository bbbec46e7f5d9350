import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Zone } from '../zones/zones.js';
import { readSecret } from './data-folder.js';
import { grantsFile } from './grants-files.js';
import { withRedis } from './redis-client.js';

/** What a comparison needs to know of a zone. */
export interface RedisZone {
  zone: Zone;
  redis: { socket: string };
  secretFile: (account: string) => string;
}

/** The declared users of a zone with the hashes of their passwords in place of the placeholders, as Redis loads them. */
export function declaredRedisUsers({ zone, secretFile }: Pick<RedisZone, 'zone' | 'secretFile'>): string[] {
  return userLines(zone).map((line) =>
    line.replace(/\{\{(\w+)\}\}/, (_, account: string) =>
      createHash('sha256')
        .update(readSecret(secretFile(account)))
        .digest('hex'),
    ),
  );
}

/** What each declared user of a zone may do, for people: without anything of its password. */
export function redisUserRules(zone: Zone): { user: string; rules: string }[] {
  return userLines(zone).map((line) => {
    const [, user = '', ...rules] = line.split(/\s+/);
    return { user, rules: rules.filter((rule) => !rule.startsWith('#')).join(' ') };
  });
}

function userLines(zone: Zone): string[] {
  return readFileSync(grantsFile(`${zone}-redis.acl`), 'utf8')
    .replace(/\n +/g, ' ')
    .split('\n')
    .filter((line) => line.startsWith('user '));
}

/** The members of every category of commands, as the running server knows them. */
type Categories = ReadonlyMap<string, readonly string[]>;

/** The users as the running server lists them, and what its categories mean. */
export async function liveRedisUsers(zone: RedisZone): Promise<{ users: string[]; categories: Categories }> {
  return withRedis({ path: zone.redis.socket }, 'operator', readSecret(zone.secretFile('operator')), async (client) => {
    const list = async (...args: string[]): Promise<string[]> => {
      const answer = await client.call('ACL', args);
      return Array.isArray(answer) ? answer.map(String) : [];
    };
    const categories = new Map<string, readonly string[]>();
    for (const name of await list('CAT')) {
      categories.set(`@${name}`, await list('CAT', name));
    }
    return { users: await list('LIST'), categories };
  });
}

export async function compareRedisUsers(zone: RedisZone): Promise<{ missing: string[]; excess: string[] }> {
  const { users, categories } = await liveRedisUsers(zone);
  return compareUserLines(declaredRedisUsers(zone), users, categories);
}

/** Each difference as `user: rule`, where a rule is a command, a key pattern, a channel pattern, a password, or on/off. */
export function compareUserLines(
  declared: string[],
  live: string[],
  categories: Categories,
): { missing: string[]; excess: string[] } {
  const wanted = new Set(declared.flatMap((line) => effectiveRules(line, categories)));
  const had = new Set(live.flatMap((line) => effectiveRules(line, categories)));
  return {
    missing: [...wanted].filter((rule) => !had.has(rule)),
    excess: [...had].filter((rule) => !wanted.has(rule)),
  };
}

/** What a user's line comes to: Redis lists it in other words than it was given, with categories where they are shorter. */
function effectiveRules(line: string, categories: Categories): string[] {
  const [, name = '', ...words] = line.trim().split(/\s+/);
  const commands = new Set<string>();
  const others: string[] = [];
  for (const word of words) {
    const members = categories.get(word.slice(1)) ?? [word.slice(1)];
    if (word === '-@all') {
      commands.clear();
    } else if (word.startsWith('+')) {
      members.forEach((command) => commands.add(command));
    } else if (word.startsWith('-')) {
      members.forEach((command) => commands.delete(command));
    } else if (!['resetkeys', 'resetchannels', 'sanitize-payload'].includes(word)) {
      others.push(word);
    }
  }
  return [...others, ...[...commands].map((command) => `+${command}`)].map((rule) => `${name}: ${rule}`);
}
