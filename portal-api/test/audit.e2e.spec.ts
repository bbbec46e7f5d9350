import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { formatInviteCode, newInviteCode } from 'sync-contract/invite';
import { newRef } from 'sync-contract/identifiers';
import { DataSource } from 'typeorm';
import { OF_OTHERS, OWN } from '../src/access-history/access-history.service.js';
import { firstBrokenLink, type AuditLink } from '../src/audit/audit-chain.js';
import { AuditService } from '../src/audit/audit.service.js';
import { dataSourceOptions } from '../src/database/data-source.js';
import { hexBytes } from '../src/database/hex-column.js';
import { settleTransaction } from '../src/database/settle-transaction.js';
import type { AccessEntryView, AccessHistoryView } from '../src/http.js';
import { codeOf, type BrowserStandIn } from './browser-stand-in.js';
import { DATE_OF_BIRTH, PASSWORD, PortalUnderTest } from './portal-under-test.js';

const WHOLE = { form: 'fhir-bundle', from: null, to: null };

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

/** Statements that insert, which this server has executed. */
async function inserts(): Promise<number> {
  const [row] = await portal.inside.sql("SHOW GLOBAL STATUS LIKE 'Com_insert'");
  return Number(row?.['Value']);
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
      [['chart-download ok'], () => browser.post(`/api/charts/${patientRef}/downloads`, WHOLE).expect(204)],
      [
        [],
        async () => {
          for (const odd of [{ form: 'zip' }, { from: '2026-02-30' }, { from: '2026-02-02', to: '2026-02-01' }]) {
            await browser.post(`/api/charts/${patientRef}/downloads`, { ...WHOLE, ...odd }).expect(422);
          }
        },
      ],
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
    await other.destroy();
  });

  test('lets acts with a transaction of their own through while reads are recorded without a pause', async () => {
    const dataSource = portal.app.get(DataSource);
    const audit = portal.app.get(AuditService);
    const read = { action: 'chart-read', outcome: 'ok', actor: null } as const;
    const before = (await links()).length;
    let reading = true;
    let reads = 0;
    const readers = Array.from({ length: 8 }, async () => {
      while (reading) {
        await audit.record(read);
        reads += 1;
      }
    });
    for (let act = 0; act < 20; act += 1) {
      await settleTransaction(dataSource, (manager) =>
        audit.append(manager, { ...read, action: 'submission' }, { ...read, action: 'join' }),
      );
    }
    await expect(
      settleTransaction(dataSource, async (manager) => {
        await audit.append(manager, { ...read, action: 'join' });
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
    reading = false;
    await Promise.all(readers);
    const all = await links();
    expect(all.length - before).toBe(40 + reads);
    expect(firstBrokenLink(all)).toBeNull();
  });

  test('shares commits between those who wait, and needs one statement where nobody else has written', async () => {
    const audit = portal.app.get(AuditService);
    const record = (): Promise<void> => audit.record({ action: 'chart-read', outcome: 'ok', actor: null });
    await record();
    const before = await inserts();
    const transactions = jest.spyOn(portal.app.get(DataSource), 'transaction');
    await Promise.all(Array.from({ length: 150 }, record));
    expect((await inserts()) - before).toBeLessThan(10);
    expect(transactions).not.toHaveBeenCalled();
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

  test('refuses a read, and the go to a download, when the entry cannot be written', async () => {
    const { browser, patientRef } = await portal.patient({ medications: { resources: [] } });
    await browser.get(`/api/charts/${patientRef}/sections/medications`).expect(200);
    await portal.inside.sql('RENAME TABLE {db}.audit_entry TO {db}.audit_entry_away');
    const responses = [
      await browser.get(`/api/charts/${patientRef}/sections/medications`),
      await browser.post(`/api/charts/${patientRef}/downloads`, WHOLE),
    ];
    await portal.inside.sql('RENAME TABLE {db}.audit_entry_away TO {db}.audit_entry');
    for (const response of responses) {
      expect([response.status, codeOf(response)]).toEqual([500, 'unexpected']);
    }
    await browser.get(`/api/charts/${patientRef}/sections/medications`).expect(200);
  });

  test('says of a download who made it of whose chart, in which form and of which days', async () => {
    const { browser, patientRef, session } = await portal.patient();
    for (const days of [
      WHOLE,
      { form: 'pdf', from: '2026-01-01', to: '2026-03-31' },
      { ...WHOLE, from: '2026-01-01' },
    ]) {
      await browser.post(`/api/charts/${patientRef}/downloads`, { ...WHOLE, ...days }).expect(204);
    }
    const entries = (await links()).map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    const made = entries.filter(({ action, onBehalfOf }) => action === 'chart-download' && onBehalfOf === patientRef);
    expect(made.map(({ actor, object }) => [actor, object])).toEqual(
      ['fhir-bundle', 'pdf 2026-01-01..2026-03-31', 'fhir-bundle 2026-01-01..'].map((object) => [
        session.accountRef,
        object,
      ]),
    );
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

const THREAD = {
  ...{ topic: 'General', subject: 'Hello', messages: 1, unread: 0, excerpt: 'Hello' },
  ...{ lastAt: '2026-11-03T10:00:00.000Z', lastFrom: 'practice' },
};

async function historyOf(browser: BrowserStandIn, before?: string): Promise<AccessHistoryView> {
  const query = before === undefined ? '' : `?before=${encodeURIComponent(before)}`;
  return (await browser.get(`/api/access-history${query}`).expect(200)).body as AccessHistoryView;
}

const said = ({ action, outcome, who, recordClass }: AccessEntryView): string =>
  [action, outcome, who, recordClass ?? '-'].join(' ');

describe('the access history', () => {
  test('shows the own sign-ins and looks with class, address and time, and itself, newest first', async () => {
    const threadId = newRef();
    const patient = await portal.patient({
      medications: { resources: [] },
      'results/2026': { resources: [] },
      messages: { threads: [{ ...THREAD, threadId }] },
      [`messages/${threadId}`]: { resources: [] },
    });
    const { browser, patientRef, name } = patient;
    const thief = portal.browser();
    await thief.post('/api/sign-in', { name, password: PASSWORD }).expect(200);
    await thief.post('/api/sign-in', { name, password: 'not the right password' }).expect(401);
    for (const part of ['medications', 'results/2026', `messages/${threadId}`]) {
      await browser.get(`/api/charts/${patientRef}/sections/${part}`).expect(200);
    }
    await browser.get(`/api/charts/${patientRef}/status`).expect(200);
    await browser.get(`/api/charts/${newRef()}/status`).expect(404);
    await historyOf(browser);
    const { entries, next } = await historyOf(browser);
    expect(entries.map(said)).toEqual([
      'access-history ok you -',
      'access-refused refused you -',
      'chart-read ok you messages',
      'chart-read ok you results',
      'chart-read ok you medications',
      'sign-in-password failed you -',
      'sign-in-password ok you -',
      'join ok you -',
      'submission ok you -',
    ]);
    expect(next).toBeNull();
    const read = entries[3];
    expect(read).toMatchObject({ patientRef, address: browser.address, thisSession: true });
    expect(Date.now() - Date.parse(read?.at ?? '')).toBeLessThan(60_000);
    for (const step of entries.slice(5, 7)) {
      expect(step).toMatchObject({ thisSession: false, address: thief.address });
    }
  });

  test('leaves a part without a name when the chart does not say what it is', async () => {
    const threadId = newRef();
    const { browser, patientRef } = await portal.patient({
      medications: { resources: [] },
      messages: { threads: 'none' },
      [`messages/${threadId}`]: { resources: [] },
    });
    for (const part of ['medications', `messages/${threadId}`]) {
      await browser.get(`/api/charts/${patientRef}/sections/${part}`).expect(200);
    }
    expect((await historyOf(browser)).entries.slice(0, 2).map(said)).toEqual([
      'chart-read ok you -',
      'chart-read ok you medications',
    ]);
  });

  test('shows a patient what others did on the own chart, without from where; nobody else sees either', async () => {
    const patient = await portal.patient();
    const proxy = await portal.join();
    const stranger = await portal.patient();
    await portal.inside.grant(proxy.accountRef, patient.patientRef, { relation: 'proxy' });
    const look = `/api/charts/${patient.patientRef}/sections/medications`;
    await patient.browser.get(look).expect(200);
    await proxy.browser.get(look).expect(200);
    const { entries } = await historyOf(patient.browser);
    expect(entries.slice(0, 2).map(said)).toEqual([
      'chart-read ok another medications',
      'chart-read ok you medications',
    ]);
    expect(entries[0]).toMatchObject({ address: null, thisSession: false, patientRef: patient.patientRef });
    const ofProxy = (await historyOf(proxy.browser)).entries;
    expect(ofProxy[0]).toMatchObject({ who: 'you', recordClass: 'medications', address: proxy.browser.address });
    expect(ofProxy.filter(({ who }) => who === 'another')).toEqual([]);
    expect((await historyOf(stranger.browser)).entries.map(({ patientRef }) => patientRef)).not.toContain(
      patient.patientRef,
    );
  });

  test('says which document was opened or saved, of charts that the account can read, and of nothing else', async () => {
    const patient = await portal.patient();
    const proxy = await portal.join();
    await portal.inside.grant(proxy.accountRef, patient.patientRef, { relation: 'proxy' });
    const [letter, film, otherChart] = [newRef(), newRef(), newRef()];
    const audit = portal.app.get(AuditService);
    const facts = [
      { action: 'document-view', actor: patient.accountRef, onBehalfOf: patient.patientRef, object: letter },
      { action: 'document-download', actor: proxy.accountRef, onBehalfOf: patient.patientRef, object: film },
      { action: 'document-view', actor: patient.accountRef, onBehalfOf: newRef(), object: otherChart },
      { action: 'chart-download', actor: patient.accountRef, onBehalfOf: patient.patientRef, object: 'pdf' },
    ] as const;
    for (const fact of facts) {
      await audit.record({ ...fact, outcome: 'ok' });
    }
    const named = (entries: AccessEntryView[]): unknown[] =>
      entries
        .filter(({ action }) => /^(document|chart)-/.test(action))
        .map(({ action, who, documentId }) => [action, who, documentId]);
    expect(named((await historyOf(patient.browser)).entries)).toEqual([
      ['chart-download', 'you', null],
      ['document-view', 'you', null],
      ['document-download', 'another', film],
      ['document-view', 'you', letter],
    ]);
    expect(named((await historyOf(proxy.browser)).entries)).toEqual([['document-download', 'you', film]]);
  });

  test('goes on page by page without a gap or a double while more is added, by marks of this account only', async () => {
    const patient = await portal.patient();
    const audit = portal.app.get(AuditService);
    const facts = Array.from({ length: 120 }, (_, i) => ({
      ...({ action: 'document-view', outcome: 'ok', actor: patient.accountRef } as const),
      ...{ onBehalfOf: patient.patientRef, object: String(i), requestId: null },
    }));
    await Promise.all(facts.map((fact) => audit.record(fact)));
    let page = await historyOf(patient.browser);
    const seen = [...page.entries];
    const firstMark = page.next ?? '';
    while (page.next !== null) {
      await audit.record({ action: 'document-view', outcome: 'ok', actor: patient.accountRef });
      page = await historyOf(patient.browser, page.next);
      seen.push(...page.entries);
    }
    expect(seen.filter(({ action }) => action === 'document-view')).toHaveLength(120);
    expect(seen.map(({ action }) => action).slice(-2)).toEqual(['join', 'submission']);
    const other = await portal.join();
    for (const mark of [firstMark, 'nonsense', '', `${firstMark}A`]) {
      const response = await other.browser.get(`/api/access-history?before=${encodeURIComponent(mark)}`);
      expect([mark, response.status, codeOf(response)]).toEqual([mark, 404, 'not-found']);
    }
  });

  test('reads by index, however much everybody else does', async () => {
    const { accountRef, patientRef } = await portal.patient();
    const [account, patient, page] = [hexBytes(accountRef), hexBytes(patientRef), [1_000_000, 51]];
    for (const [index, sql, values] of [
      ['ix_audit_entry_account_ref', OWN, [account, ...page]],
      ['ix_audit_entry_patient_ref', OF_OTHERS, [patient, account, ...page]],
    ] as const) {
      const [plan] = await portal.app.get(DataSource).query<Record<string, unknown>[]>(`EXPLAIN ${sql}`, [...values]);
      expect(plan).toMatchObject({ key: index });
      expect(String(plan?.['Extra'])).not.toContain('filesort');
    }
  });
});
