import { compareGrants, rightText } from '../services/grants.js';
import { compareRedisUsers } from '../services/redis-users.js';
import { DEFAULT_DATABASES, type Services } from '../services/services.js';
import { ZONES } from '../zones/zones.js';
import type { Row } from './report.js';

/** Rights of every account of both MariaDBs and both Redis, whole, against the files in `infra/grants`. */
export async function checkAccounts(services: Services): Promise<Row[]> {
  const { portal, openemr, ledger } = DEFAULT_DATABASES;
  const rows: Row[] = [];
  for (const zone of ZONES) {
    const names = zone === 'dmz' ? { portal } : { openemr, ledger };
    const grants = await compareGrants(zone, services[zone].mariadb.socket, names);
    rows.push(row(`MariaDB of the ${zone}`, grants.missing.map(rightText), grants.excess.map(rightText)));
    const { missing, excess } = await compareRedisUsers(services[zone]);
    rows.push(row(`Redis of the ${zone}`, missing, excess));
  }
  return rows;
}

function row(what: string, missing: string[], excess: string[]): Row {
  const differences = [...missing.map((each) => `missing ${each}`), ...excess.map((each) => `more: ${each}`)];
  return {
    what,
    expected: 'as declared',
    found: differences.join('; ') || 'as declared',
    holds: differences.length === 0,
  };
}
