import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { compareGrants, declaredRights, rightText, type Right } from 'infra/services/grants';
import { freeServicePorts } from 'infra/services/ports';
import { compareRedisUsers, compareUserLines, declaredRedisUsers, liveRedisUsers } from 'infra/services/redis-users';
import { applyGrants, DEFAULT_DATABASES, startServices, type Services } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';
import type { Zone } from 'infra/zones/zones';

const NAMES = {
  dmz: { portal: DEFAULT_DATABASES.portal },
  inside: { openemr: DEFAULT_DATABASES.openemr, ledger: DEFAULT_DATABASES.ledger },
} as const;

let dataDir: string;
let services: Services;

/** Tables with the declared names and columns and nothing else: rights are compared here, not shapes. */
async function makeDeclaredTables(zone: Zone): Promise<void> {
  const columns = new Map<string, Set<string>>();
  for (const { object, privilege } of declaredRights(zone, NAMES[zone])) {
    if (!object.endsWith('*')) {
      const known = columns.get(object) ?? new Set(['only_for_this_test']);
      columns.set(object, known.add(/\((\w+)\)/.exec(privilege)?.[1] ?? 'only_for_this_test'));
    }
  }
  for (const [table, names] of columns) {
    await services[zone].adminSql(`CREATE TABLE ${table} (${[...names].map((name) => `\`${name}\` INT`).join(', ')})`);
  }
}

async function difference(zone: Zone): Promise<{ missing: string[]; excess: string[] }> {
  const { missing, excess } = await compareGrants(zone, services[zone].mariadb.socket, NAMES[zone]);
  const text = (rights: Right[]): string[] => rights.map(rightText).sort();
  return { missing: text(missing), excess: text(excess) };
}

beforeAll(async () => {
  dataDir = temporaryDataDir();
  services = await startServices({ dataDir, ports: await freeServicePorts() });
  for (const zone of ['dmz', 'inside'] as const) {
    await makeDeclaredTables(zone);
    await applyGrants(services, zone);
  }
});

afterAll(async () => {
  await services.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe.each(['dmz', 'inside'] as const)('in the zone %s', (zone) => {
  it('live database rights equal the declared ones, whole', async () => {
    expect(await difference(zone)).toEqual({ missing: [], excess: [] });
  });

  it('live Redis users equal the declared ones, whole', async () => {
    expect(await compareRedisUsers(services[zone])).toEqual({ missing: [], excess: [] });
  });
});

describe('the comparison finds', () => {
  it.each([
    [
      'a right on a table',
      'GRANT DELETE ON portal.audit_entry TO portal_api@127.0.0.1',
      'portal_api: DELETE on portal.audit_entry',
    ],
    [
      'a right on a column',
      'GRANT SELECT (verifier) ON portal.account TO sync_gateway@127.0.0.1',
      'sync_gateway: SELECT (verifier) on portal.account',
    ],
    ['a right on another database', 'GRANT SELECT ON mysql.* TO portal_api@127.0.0.1', 'portal_api: SELECT on mysql.*'],
    ['a global right', 'GRANT FILE ON *.* TO migrate@127.0.0.1', 'migrate: FILE on *.*'],
    [
      'the right to pass rights on',
      'GRANT SELECT ON portal.chart TO portal_api@127.0.0.1 WITH GRANT OPTION',
      'portal_api: GRANT OPTION on portal.chart',
    ],
  ])('%s too many, and applying the file takes it away', async (_, statement, found) => {
    const account = /TO (\w+)@/.exec(statement)?.[1] ?? '';
    await services.dmz.adminSql('ALTER TABLE portal.account ADD COLUMN IF NOT EXISTS verifier INT');
    await services.dmz.adminSql(statement.replace(/ TO \S+/, ` TO '${account}'@'127.0.0.1'`));
    expect((await difference('dmz')).excess).toEqual([found]);
    await applyGrants(services, 'dmz');
    if (found.includes('mysql.')) {
      // Rights in databases that are not named are found, and left to a person.
      await services.dmz.adminSql("REVOKE SELECT ON mysql.* FROM 'portal_api'@'127.0.0.1'");
    }
    expect(await difference('dmz')).toEqual({ missing: [], excess: [] });
  });

  it('a missing right, and applying the file gives it', async () => {
    await services.inside.adminSql("REVOKE BINLOG MONITOR ON *.* FROM 'agent_feed'@'127.0.0.1'");
    expect((await difference('inside')).missing).toEqual(['agent_feed: BINLOG MONITOR on *.*']);
    await applyGrants(services, 'inside');
    expect(await difference('inside')).toEqual({ missing: [], excess: [] });
  });

  it('an account that is not declared, and one that may come without TLS or from elsewhere', async () => {
    await services.dmz.adminSql("CREATE USER stranger@'127.0.0.1' IDENTIFIED BY 'x' REQUIRE SSL");
    await services.dmz.adminSql("CREATE USER portal_api@'%' IDENTIFIED BY 'x'");
    expect((await difference('dmz')).excess).toEqual([
      'portal_api: to come from % on *.*',
      'portal_api: to come without TLS on *.*',
      'stranger: to exist on *.*',
    ]);
    await services.dmz.adminSql("DROP USER stranger@'127.0.0.1', portal_api@'%'");
    expect(await difference('dmz')).toEqual({ missing: [], excess: [] });
  });

  it('a Redis user whose rights were widened', async () => {
    const { users, categories } = await liveRedisUsers(services.dmz);
    const declared = declaredRedisUsers(services.dmz);
    const widened = users.map((line) => {
      if (line.startsWith('user sync_gateway ')) {
        return `${line} +flushall ~session:*`;
      }
      return line.startsWith('user default ') ? line.replace(' off ', ' on ') : line;
    });
    expect(compareUserLines(declared, widened, categories)).toEqual({
      missing: ['default: off'],
      excess: ['default: on', 'sync_gateway: ~session:*', 'sync_gateway: +flushall'],
    });
    expect(compareUserLines(declared, [...users, 'user extra on nopass ~* +@all'], categories).excess).toContain(
      'extra: nopass',
    );
  });
});
