import { describe, expect, it } from '@jest/globals';
import { declaredRights, parseGrant, rightText } from './grants.js';

const texts = (statement: string): string[] => parseGrant(statement).map(rightText);

describe('parseGrant', () => {
  it('splits privileges and columns into single rights', () => {
    expect(texts('GRANT SELECT, UPDATE (a, b), DELETE ON db.t TO someone')).toEqual([
      'someone: SELECT on db.t',
      'someone: UPDATE (a) on db.t',
      'someone: UPDATE (b) on db.t',
      'someone: DELETE on db.t',
    ]);
  });

  it('reads what SHOW GRANTS prints', () => {
    expect(texts("GRANT USAGE ON *.* TO `a`@`127.0.0.1` IDENTIFIED BY PASSWORD '*00' REQUIRE SSL")).toEqual([]);
    expect(texts('GRANT SELECT (`x`, `y`) ON `db`.`t` TO `a`@`127.0.0.1`')).toEqual([
      'a: SELECT (x) on db.t',
      'a: SELECT (y) on db.t',
    ]);
    expect(texts('GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `f`@`127.0.0.1`')).toEqual([
      'f: REPLICATION SLAVE on *.*',
      'f: BINLOG MONITOR on *.*',
    ]);
  });

  it('keeps the right to pass rights on, another host, and unknown statements visible', () => {
    expect(texts('GRANT SELECT ON `db`.* TO `a`@`127.0.0.1` WITH GRANT OPTION')).toContain('a: GRANT OPTION on db.*');
    expect(texts('GRANT SELECT ON `db`.* TO `a`@`%`')).toEqual(['a@%: SELECT on db.*']);
    expect(texts('GRANT `role` TO `a`@`127.0.0.1`')).toHaveLength(1);
  });
});

describe('declared rights', () => {
  const dmz = declaredRights('dmz', { portal: 'portal' });
  const inside = declaredRights('inside', { openemr: 'openemr', ledger: 'ledger' });

  it('let nobody change or delete an audit entry but by a migration', () => {
    const onAudit = dmz.filter((right) => right.object === 'portal.audit_entry').map(rightText);
    expect(onAudit.sort()).toEqual([
      'portal_api: INSERT on portal.audit_entry',
      'portal_api: SELECT on portal.audit_entry',
      'sync_gateway: INSERT on portal.audit_entry',
      'sync_gateway: SELECT on portal.audit_entry',
    ]);
  });

  it('let the public process write nothing of the replica', () => {
    const replica = ['chart', 'section', 'chart_grant', 'heartbeat', 'heartbeat_bucket', 'key_statement'];
    const writes = dmz.filter(
      ({ account, object, privilege }) =>
        account === 'portal_api' && replica.includes(object.replace('portal.', '')) && privilege !== 'SELECT',
    );
    expect(writes).toEqual([]);
  });

  it('let the gateway read no sign-in secret and no own copy', () => {
    const read = dmz.filter(({ account, privilege }) => account === 'sync_gateway' && privilege.startsWith('SELECT'));
    const texts = read.map(rightText).join('\n');
    expect(texts).not.toMatch(/SELECT on portal\.(account|own_copy|throttle)/);
    expect(texts).not.toMatch(/\((verifier|salt|name_index|private_key_wrapped|totp_wrapped|sealed)\)/);
  });

  it('let the reader only read, and read no password and no social security number', () => {
    const reader = inside.filter(({ account }) => account === 'agent_reader');
    expect(reader.filter(({ privilege }) => !privilege.startsWith('SELECT'))).toEqual([]);
    expect(reader.map(rightText).join('\n')).not.toMatch(
      /\((password|portal_pwd|portal_onetime|ss|drivers_license)\)|SELECT on openemr\.(users|patient_data|patient_access_onsite|\*)$/m,
    );
  });

  it('let the writer change portal mail and portal names in OpenEMR, and delete nothing there', () => {
    const writes = inside
      .filter(({ account, object }) => account === 'agent_writer' && object.startsWith('openemr.'))
      .filter(({ privilege }) => !privilege.startsWith('SELECT'));
    expect([...new Set(writes.map(({ object }) => object))].sort()).toEqual([
      'openemr.onsite_mail',
      'openemr.patient_access_onsite',
    ]);
    expect(writes.filter(({ privilege }) => privilege.startsWith('DELETE'))).toEqual([]);
  });

  it('give the feed the binlog and no table', () => {
    const feed = inside.filter(({ account }) => account === 'agent_feed').map(rightText);
    expect(feed.sort()).toEqual(['agent_feed: BINLOG MONITOR on *.*', 'agent_feed: REPLICATION SLAVE on *.*']);
  });
});
