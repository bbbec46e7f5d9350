import { describe, expect, it } from '@jest/globals';
import type { LedgerAddress } from '../config.js';
import { NOTHING_LACKING, lackingOf } from '../openemr/version-differences.js';
import { checkGrants, compareRights, declaredRights, parseGrant } from './check-grants.js';

const DATABASE: LedgerAddress = { host: '', port: 1, caFile: '', openemrName: 'emr', ledgerName: 'portal_ledger' };
const HASH = '*8C0F6B6AC0E2F5B5B7D0F9E0A1B2C3D4E5F60718';

describe('the grants of an account', () => {
  it('are declared for each of the four, in the databases of this installation', () => {
    expect(declaredRights('feed', DATABASE, NOTHING_LACKING)).toEqual([
      { privilege: 'replication slave', object: '*.*' },
      { privilege: 'binlog monitor', object: '*.*' },
    ]);
    expect(declaredRights('owner', DATABASE, NOTHING_LACKING)).toEqual([
      { privilege: 'all privileges', object: 'portal_ledger.*' },
    ]);
    expect(declaredRights('reader', DATABASE, NOTHING_LACKING)).toContainEqual({
      privilege: 'select (dob)',
      object: 'emr.patient_data',
    });
    expect(declaredRights('writer', DATABASE, NOTHING_LACKING)).toContainEqual({
      privilege: 'insert',
      object: 'emr.onsite_mail',
    });
  });

  it('leave out what an older OpenEMR does not have', () => {
    const newest = declaredRights('reader', DATABASE, NOTHING_LACKING);
    const older = declaredRights('reader', DATABASE, lackingOf('7.0.3'));
    const onTeams = (rights: typeof newest): number =>
      rights.filter(({ object }) => object === 'emr.care_teams').length;
    expect([onTeams(newest), onTeams(older)]).toEqual([5, 0]);
    const form = older.filter(({ object }) => object === 'emr.form_observation').map(({ privilege }) => privilege);
    expect(form).toContain('select (id)');
    expect(form).not.toContain('select (form_id)');
  });

  it('are read from what the server prints, escaped names and passing on included', () => {
    expect(parseGrant(`GRANT USAGE ON *.* TO \`a\`@\`10.0.0.5\` IDENTIFIED BY PASSWORD '${HASH}' REQUIRE SSL`)).toEqual(
      [],
    );
    expect(parseGrant('GRANT SELECT, DELETE ON `portal\\_ledger`.* TO `a`@`%` WITH GRANT OPTION')).toEqual([
      { privilege: 'select', object: 'portal_ledger.*' },
      { privilege: 'delete', object: 'portal_ledger.*' },
      { privilege: 'grant option', object: 'portal_ledger.*' },
    ]);
    expect(parseGrant('GRANT `dba` TO `a`@`%`')).toEqual([{ privilege: 'grant dba', object: '*.*' }]);
  });

  it('that are wider than declared are excess and make up for what is missing', () => {
    const [column, table] = [
      { privilege: 'select (npi)', object: 'emr.users' },
      { privilege: 'select', object: 'emr.users' },
    ];
    const everything = { privilege: 'all privileges', object: '*.*' };
    expect(compareRights([column], [table])).toEqual({ missing: [], excess: [table] });
    expect(compareRights([table], [column])).toEqual({ missing: [table], excess: [column] });
    expect(compareRights([column], [everything])).toEqual({ missing: [], excess: [everything] });
  });

  it('are told without the hash of the password that the server prints with them', () => {
    const line = `GRANT SUPER ON *.* TO \`feed\`@\`%\` IDENTIFIED BY PASSWORD '${HASH}' REQUIRE SSL`;
    const found = checkGrants('feed', 'feed', DATABASE, [line], NOTHING_LACKING);
    expect(found.excess[0]?.sentence).toContain('SUPER on *.*');
    expect(found.missing[0]?.sentence).toContain('lacks REPLICATION SLAVE on *.*, BINLOG MONITOR on *.*');
    expect(JSON.stringify(found)).not.toContain(HASH);
  });
});
