import { relative } from 'node:path';
import { repositoryRoot } from '../demo/program.js';
import { grantsFile } from '../services/grants-files.js';
import { compareGrants, declaredRights, rightText, type DatabaseNames } from '../services/grants.js';
import { compareRedisUsers, redisUserRules } from '../services/redis-users.js';
import { DEFAULT_DATABASES, type Services } from '../services/services.js';
import { ZONES, type Zone } from '../zones/zones.js';
import { table, type EvidencePart } from './evidence-part.js';

const NAMES: Record<Zone, DatabaseNames> = {
  dmz: { portal: DEFAULT_DATABASES.portal },
  inside: { openemr: DEFAULT_DATABASES.openemr, ledger: DEFAULT_DATABASES.ledger },
};

interface Comparison {
  zone: Zone;
  what: 'MariaDB' | 'Redis';
  file: string;
  missing: string[];
  excess: string[];
}

/** What the servers say every account may do, compared whole with the declared files. */
export async function rightsPart(services: Services): Promise<EvidencePart> {
  const comparisons: Comparison[] = [];
  for (const zone of ZONES) {
    const grants = await compareGrants(zone, services[zone].mariadb.socket, NAMES[zone]);
    comparisons.push({
      zone,
      what: 'MariaDB',
      file: relative(repositoryRoot(), grantsFile(`${zone}.sql`)),
      missing: grants.missing.map(rightText).sort(),
      excess: grants.excess.map(rightText).sort(),
    });
    const users = await compareRedisUsers(services[zone]);
    comparisons.push({ zone, what: 'Redis', file: `infra/grants/${zone}-redis.acl`, ...users });
  }
  const rights = ZONES.flatMap((zone) => declaredRights(zone, NAMES[zone]).map((right) => ({ zone, ...right })));
  const users = ZONES.flatMap((zone) => redisUserRules(zone).map((each) => ({ zone, ...each })));
  const differing = comparisons.filter(({ missing, excess }) => missing.length + excess.length > 0);
  return {
    name: '06-rights',
    title: 'Rights of every account',
    finding:
      differing.length === 0
        ? `the live rights equal the ${String(rights.length)} declared ones at both MariaDB servers, and both Redis servers' users equal theirs.`
        : `live and declared rights differ: ${differing.map(({ zone, what }) => `${zone} ${what}`).join(', ')}.`,
    holds: differing.length === 0,
    command: 'npm test -- integration   # infra/test/grants.int.spec.ts',
    text: [
      table(
        ['zone', 'server', 'declared in', 'missing', 'too many'],
        comparisons.map(({ zone, what, file, missing, excess }) => [
          zone,
          what,
          file,
          missing.join('; ') || 'none',
          excess.join('; ') || 'none',
        ]),
      ),
      '',
      '## Declared rights',
      '',
      table(
        ['zone', 'account', 'right', 'on'],
        rights.map(({ zone, account, privilege, object }) => [zone, account, privilege, object]),
      ),
      '',
      '## Declared users of Redis',
      '',
      table(
        ['zone', 'user', 'keys, channels and commands'],
        users.map(({ zone, user, rules }) => [zone, user, rules]),
      ),
    ].join('\n'),
    data: { comparisons, rights, users },
  };
}
