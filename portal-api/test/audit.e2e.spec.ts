import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { formatInviteCode, newInviteCode } from 'sync-contract/invite';
import { DataSource } from 'typeorm';
import { firstBrokenLink, type AuditLink } from '../src/audit/audit-chain.js';
import { AuditService } from '../src/audit/audit.service.js';
import { dataSourceOptions } from '../src/database/data-source.js';
import { codeOf } from './browser-stand-in.js';
import { DATE_OF_BIRTH, PASSWORD, PortalUnderTest } from './portal-under-test.js';

let portal: PortalUnderTest;
beforeAll(async () => {
  portal = await PortalUnderTest.start('audit');
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

async function links(): Promise<AuditLink[]> {
  const rows = await portal.inside.sql('SELECT n, body, LOWER(HEX(hash)) AS hash FROM {db}.audit_entry ORDER BY n');
  return rows.map((row) => ({ n: Number(row['n']), body: String(row['body']), hash: String(row['hash']) }));
}

async function actionsOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = (await links()).length;
  await work();
  return (await links()).slice(before).map((link) => {
    const { action, outcome } = JSON.parse(link.body) as { action: string; outcome: string };
    return `${action} ${outcome}`;
  });
}

describe('the audit log', () => {
  test('has an entry for every act, before its answer', async () => {
    const patient = await portal.patient({ medications: { resources: [] } });
    const { browser, patientRef, name } = patient;
    const message = { threadId: null, topic: 'General', subject: '', body: 'hello' };
    const stranger = portal.browser();
    const impostor = portal.browser();
    impostor.cookies.set('__Host-session', 'A'.repeat(64));
    const invite = await portal.inside.invite();
    const { form: taken } = await portal.joinForm(stranger, name, invite);
    const acts: [string[], () => Promise<unknown>][] = [
      [['grant-open ok', 'chart-status ok'], () => browser.get(`/api/charts/${patientRef}/status`).expect(200)],
      [['chart-read ok'], () => browser.get(`/api/charts/${patientRef}/sections/medications`).expect(200)],
      [['access-refused refused'], () => browser.get(`/api/charts/${'0'.repeat(32)}/status`).expect(404)],
      [['access-refused refused'], () => browser.get(`/api/charts/${'0'.repeat(32)}/sections/medications`).expect(404)],
      [
        ['submission ok'],
        () =>
          browser
            .post(`/api/charts/${patientRef}/messages`, message)
            .set('idempotency-key', 'a-key-of-enough-letters')
            .expect(201),
      ],
      [
        ['sign-in-password failed'],
        () => stranger.post('/api/sign-in', { name, password: 'not the right password' }).expect(401),
      ],
      [['sign-in-password refused'], () => stranger.post('/api/sign-in', { name, password: PASSWORD }).expect(429)],
      [['sign-in refused'], () => stranger.post('/api/sign-in/totp', { code: '000000' }).expect(401)],
      [
        ['join-check failed'],
        () => stranger.post('/api/join/check', { code: formatInviteCode(newInviteCode()) }).expect(404),
      ],
      [['join-check ok'], async () => stranger.post('/api/join/check', { code: invite }).expect(200)],
      [['join failed'], () => stranger.post('/api/join', taken).expect(409)],
      [['session-refused refused'], () => impostor.get('/api/session').expect(401)],
      [[], () => stranger.get('/api/session').expect(401)],
      [['access-refused refused'], () => browser.post('/api/sign-out').set('x-csrf', 'wrong').expect(403)],
      [['sign-out ok'], () => browser.post('/api/sign-out').expect(204)],
    ];
    for (const [expected, act] of acts) {
      expect(await actionsOf(act)).toEqual(expected);
    }
    const joined = await actionsOf(() => portal.join());
    expect(joined).toEqual(['submission ok', 'join ok']);
    expect(firstBrokenLink(await links())).toBeNull();
  });

  test('stays one unbroken chain under many writers in two processes', async () => {
    const other = new DataSource({ ...dataSourceOptions(portal.config.database), poolSize: 4 });
    await other.initialize();
    const own = portal.app.get(AuditService);
    const another = new AuditService(other);
    const before = (await links()).length;
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        (i % 2 === 0 ? own : another).record({ action: 'chart-read', outcome: 'ok', actor: null, object: String(i) }),
      ),
    );
    const all = await links();
    expect(all.length - before).toBe(300);
    expect(firstBrokenLink(all)).toBeNull();
    const [head] = await portal.inside.sql('SELECT n, LOWER(HEX(hash)) AS hash FROM {db}.audit_head');
    expect([Number(head?.['n']), head?.['hash']]).toEqual([all.at(-1)?.n, all.at(-1)?.hash]);
    await other.destroy();
  });

  test('shares commits between those who wait', async () => {
    const transactions = jest.spyOn(portal.app.get(DataSource), 'transaction');
    const audit = portal.app.get(AuditService);
    await Promise.all(
      Array.from({ length: 150 }, () => audit.record({ action: 'chart-read', outcome: 'ok', actor: null })),
    );
    expect(transactions.mock.calls.length).toBeLessThan(10);
    transactions.mockRestore();
  });

  test('cannot be changed or shortened by the process that writes it', async () => {
    const own = portal.app.get(DataSource);
    for (const statement of [
      "UPDATE audit_entry SET body = '{}' WHERE n = 1",
      'DELETE FROM audit_entry WHERE n = 1',
      'TRUNCATE TABLE audit_entry',
      'DROP TABLE audit_entry',
      'DELETE FROM audit_head',
    ]) {
      await expect(own.query(statement)).rejects.toThrow(/denied/);
    }
  });

  test('shows what somebody with more rights has changed', async () => {
    const [, target] = await links();
    await portal.inside.sql(
      'UPDATE {db}.audit_entry SET body = REPLACE(body, \'"outcome":"ok"\', \'"outcome":"no"\') WHERE n = 2',
    );
    expect(firstBrokenLink(await links())).toBe(2);
    await portal.inside.sql('UPDATE {db}.audit_entry SET body = ? WHERE n = 2', [target?.body ?? '']);
    expect(firstBrokenLink(await links())).toBeNull();
  });

  test('refuses the read when the entry cannot be written', async () => {
    const { browser, patientRef } = await portal.patient({ medications: { resources: [] } });
    await browser.get(`/api/charts/${patientRef}/sections/medications`).expect(200);
    await portal.inside.sql('RENAME TABLE {db}.audit_entry TO {db}.audit_entry_away');
    const response = await browser.get(`/api/charts/${patientRef}/sections/medications`);
    await portal.inside.sql('RENAME TABLE {db}.audit_entry_away TO {db}.audit_entry');
    expect([response.status, codeOf(response)]).toEqual([500, 'unexpected']);
    await browser.get(`/api/charts/${patientRef}/sections/medications`).expect(200);
  });

  test('names no section, no person, no password and no cookie', async () => {
    const { browser, patientRef, name } = await portal.patient({ 'results/2026': { resources: [] } });
    await browser.get(`/api/charts/${patientRef}/sections/results/2026`).expect(200);
    const text = (await links()).map((link) => link.body).join('\n');
    expect(text).toContain(patientRef);
    const secrets = [name, PASSWORD, DATE_OF_BIRTH, 'results', ...browser.cookies.values()];
    for (const secret of secrets) {
      expect(text).not.toContain(secret);
    }
  });
});
