import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HelloAnswer, RevocationsAnswer } from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { newSigningPair, signStatement, signingKey } from 'sync-contract/signed';
import { v7 as uuidv7 } from 'uuid';
import { firstBrokenLink } from '../src/audit/audit-chain.js';
import { hexBytes, uuidBytes } from '../src/database/hex-column.js';
import { Housekeeping } from '../src/gateway/housekeeping.js';
import { GatewayUnderTest, newInsideKeys } from './gateway-under-test.js';
import { buildGrant, buildManifest, buildSection } from './replica-builders.js';

const SOON = new Date(Date.now() + 3_600_000).toISOString();

describe('access at the gateway', () => {
  let gateway: GatewayUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_access');
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  async function rows<Row>(statement: string, parameters: unknown[] = []): Promise<Row[]> {
    return gateway.database.query<Row[]>(statement, parameters);
  }

  async function makeAccount(state = 'joining'): Promise<string> {
    const accountRef = newRef();
    await gateway.database.query(
      `INSERT INTO account (account_ref, name_index, salt, verifier, public_key, private_key_wrapped, totp_wrapped, state, created_at)
       VALUES (?, ?, ?, ?, ?, 'x', 'x', ?, UTC_TIMESTAMP(3))`,
      [hexBytes(accountRef), randomBytes(16), randomBytes(16), randomBytes(32), randomBytes(32), state],
    );
    return accountRef;
  }

  async function sendEnrolment(accountRef: string): Promise<string> {
    const submissionId = uuidv7();
    await gateway.database.query(
      `INSERT INTO outbox (submission_id, account_ref, stream, stream_seq, kind, envelope, state, idempotency_key, body_mac, created_at)
       SELECT ?, ?, ?, COUNT(*) + 1, 'enrolment', '{}', 'NEW', ?, ?, UTC_TIMESTAMP(3) FROM outbox WHERE stream = ?`,
      [
        uuidBytes(submissionId),
        hexBytes(accountRef),
        hexBytes(accountRef),
        submissionId,
        randomBytes(32),
        hexBytes(accountRef),
      ],
    );
    return submissionId;
  }

  async function accountState(accountRef: string): Promise<unknown> {
    const [row] = await rows(
      'SELECT state, enrolment_outcome, enrolment_tries_left FROM account WHERE account_ref = ?',
      [hexBytes(accountRef)],
    );
    return row;
  }

  test('the handshake tells versions, site and time, and nothing else', async () => {
    const { body } = await gateway.call('hello', { site: gateway.site, now: new Date().toISOString() });
    const hello = HelloAnswer.parse(body);
    expect(hello).toMatchObject({ versions: [2, 3], site: gateway.site, heartbeat: null, restored: false });
    expect(Math.abs(Date.parse(hello.now) - Date.now())).toBeLessThan(5_000);
  });

  test('the previous protocol version is spoken too', async () => {
    const answer = await gateway.call('hello', {
      v: PROTOCOL_VERSION - 1,
      site: gateway.site,
      now: new Date().toISOString(),
    });
    expect(answer.status).toBe(200);
  });

  test('key statements: only the pinned root’s for this site; one bad statement and none is stored', async () => {
    const foreign = await newInsideKeys(gateway.site);
    const own = JSON.parse(gateway.keys.statements[0]?.body ?? '{}') as object;
    for (const bad of [
      foreign.statements[0],
      signStatement('key-statement', { ...own, site: '3f0e1f3a-8a39-4a3b-9a54-0f4cf3a1b111' }, gateway.keys.root),
      signStatement('grant', own, gateway.keys.root),
    ]) {
      const answer = await gateway.call('keys', { statements: [...gateway.keys.statements, bad] });
      expect(answer).toMatchObject({ status: 422, body: { code: 'statement-refused' } });
    }
    expect(await rows('SELECT kid FROM key_statement')).toEqual([]);
    await gateway.handOverKeys();
    await gateway.handOverKeys();
    expect(await rows('SELECT kid FROM key_statement')).toHaveLength(2);
  });

  test('invites: repeated is the same, used stays used, void stays void, an id or code is nobody else’s', async () => {
    const invite = {
      inviteId: randomBytes(5).toString('hex'),
      lookup: randomBytes(32).toString('hex'),
      expiresAt: SOON,
    };
    const send = async (change: object = {}): Promise<number> =>
      (await gateway.call('invites', { invites: [{ ...invite, state: 'open', ...change }] })).status;
    const state = async (): Promise<unknown> =>
      (await rows<{ state: string }>('SELECT state FROM invite WHERE invite_id = ?', [hexBytes(invite.inviteId)]))[0]
        ?.state;
    expect(await Promise.all([send(), send(), send()])).toEqual([200, 200, 200]);
    expect(await state()).toBe('open');
    await gateway.database.query("UPDATE invite SET state = 'used' WHERE invite_id = ?", [hexBytes(invite.inviteId)]);
    expect(await send()).toBe(200);
    expect(await state()).toBe('used');
    expect(await send({ state: 'void' })).toBe(200);
    expect(await send()).toBe(200);
    expect(await state()).toBe('void');
    expect(await send({ lookup: randomBytes(32).toString('hex') })).toBe(409);
    expect(await send({ inviteId: randomBytes(5).toString('hex') })).toBe(409);
  });

  test('enrolments: a wrong date can be retried, and its late answer does not touch the newer attempt', async () => {
    const accountRef = await makeAccount();
    const first = await sendEnrolment(accountRef);
    const wrong = (submissionId: string, triesLeft: number): object => ({
      enrolments: [{ accountRef, submissionId, outcome: 'wrong-date', triesLeft }],
    });
    expect((await gateway.call('enrolments', wrong(first, 4))).status).toBe(200);
    expect(await accountState(accountRef)).toEqual({
      state: 'joining',
      enrolment_outcome: 'wrong-date',
      enrolment_tries_left: 4,
    });
    const second = await sendEnrolment(accountRef);
    await gateway.database.query('UPDATE account SET enrolment_outcome = NULL WHERE account_ref = ?', [
      hexBytes(accountRef),
    ]);
    expect((await gateway.call('enrolments', wrong(first, 4))).status).toBe(200);
    expect(await accountState(accountRef)).toMatchObject({ enrolment_outcome: null });

    const accepted = { enrolments: [{ accountRef, submissionId: second, outcome: 'accepted', triesLeft: 4 }] };
    expect((await gateway.call('enrolments', accepted)).status).toBe(200);
    expect((await gateway.call('enrolments', wrong(second, 3))).status).toBe(200);
    expect(await accountState(accountRef)).toEqual({
      state: 'active',
      enrolment_outcome: 'accepted',
      enrolment_tries_left: 4,
    });
  });

  test('enrolments: an account that is revoked or not here is passed over, the others are not', async () => {
    const [revoked, joining] = [await makeAccount('revoked'), await makeAccount()];
    const enrolments = [revoked, newRef(), joining].map((accountRef) => ({
      accountRef,
      submissionId: uuidv7(),
      outcome: 'accepted',
      triesLeft: 5,
    }));
    expect((await gateway.call('enrolments', { enrolments })).status).toBe(200);
    expect(await accountState(revoked)).toMatchObject({ state: 'revoked', enrolment_outcome: null });
    expect(await accountState(joining)).toMatchObject({ state: 'active' });
  });

  test('grants: the agent’s only; a newer issue replaces, an older one does not', async () => {
    const { keys, site } = gateway;
    const { signed, terms } = await buildGrant(keys.sign, { site });
    const later = await buildGrant(keys.sign, {
      ...terms,
      epoch: 2,
      issuedAt: new Date(Date.now() + 1_000).toISOString(),
    });
    const stored = async (): Promise<unknown> =>
      (await rows<{ epoch: number }>('SELECT epoch FROM chart_grant WHERE grant_id = ?', [hexBytes(terms.grantId)]))[0]
        ?.epoch;
    const forger = signingKey(newSigningPair().privateKey);
    for (const bad of [
      (await buildGrant(forger, { site })).signed,
      (await buildGrant(keys.root, { site })).signed,
      (await buildGrant(keys.sign, { site: '3f0e1f3a-8a39-4a3b-9a54-0f4cf3a1b111' })).signed,
      { ...signed, body: signed.body.replace('"self"', '"proxy"') },
      { ...signed, body: 'not json' },
    ]) {
      expect(await gateway.call('grants', { grants: [signed, bad] })).toMatchObject({
        status: 422,
        body: { code: 'statement-refused' },
      });
    }
    expect(await stored()).toBeUndefined();
    await Promise.all([signed, later.signed, signed].map(async (grant) => gateway.call('grants', { grants: [grant] })));
    expect(await stored()).toBe(2);
    expect((await gateway.call('grants', { grants: [signed] })).status).toBe(200);
    expect(await stored()).toBe(2);
  });

  test('grants to single classes keep their place and are refused with a sentence', async () => {
    const { keys, site } = gateway;
    const { signed } = await buildGrant(keys.sign, { site });
    const scoped = JSON.parse(signed.body) as { terms: object };
    const answer = await gateway.call('grants', {
      grants: [signStatement('grant', { ...scoped, terms: { ...scoped.terms, classes: ['medications'] } }, keys.sign)],
    });
    expect(answer).toMatchObject({
      status: 501,
      body: { code: 'not-supported-yet', detail: expect.stringMatching(/not supported yet/) },
    });
  });

  test('revocation deletes every grant of the chart, all its sections and own copies, and nothing of another chart', async () => {
    const { keys, site } = gateway;
    const charts = [newRef(), newRef()];
    const grants = [];
    for (const patientRef of charts) {
      const [a, b] = [
        await buildGrant(keys.sign, { site, patientRef }),
        await buildGrant(keys.sign, { site, patientRef }),
      ];
      grants.push(a, b);
      expect((await gateway.call('grants', { grants: [a.signed, b.signed] })).status).toBe(200);
      const sections = [buildSection(), buildSection()];
      const manifest = buildManifest(
        keys.sign,
        { site, patientRef },
        sections.map((section) => section.entry),
      );
      const batch = { patientRef, manifest, sections: sections.map((section) => section.sent), settles: [] };
      expect((await gateway.call('chartBatch', batch)).status).toBe(200);
      await gateway.database.query(
        "INSERT INTO own_copy (submission_id, account_ref, patient_ref, stream, kind, sealed, created_at) VALUES (?, ?, ?, ?, 'message', 'x', UTC_TIMESTAMP(3))",
        [randomBytes(16), randomBytes(16), hexBytes(patientRef), randomBytes(16)],
      );
    }
    const body = { grantIds: [], charts: [charts[0]] };
    const [first, again] = [await gateway.call('revocations', body), await gateway.call('revocations', body)];
    expect(RevocationsAnswer.parse(first.body).sectionsDeleted).toBe(2);
    expect(RevocationsAnswer.parse(again.body).sectionsDeleted).toBe(0);
    for (const table of ['chart_grant', 'section', 'chart', 'own_copy']) {
      const counts = await Promise.all(
        charts.map(
          async (chart) => (await rows(`SELECT 1 FROM ${table} WHERE patient_ref = ?`, [hexBytes(chart)])).length > 0,
        ),
      );
      expect([table, ...counts]).toEqual([table, false, true]);
    }
    await gateway.call('revocations', { grantIds: [grants[2]?.terms.grantId], charts: [] });
    const left = await rows<{ grant_id: Buffer }>('SELECT grant_id FROM chart_grant WHERE patient_ref = ?', [
      hexBytes(charts[1] ?? ''),
    ]);
    expect(left.map((row) => row.grant_id.toString('hex'))).toEqual([grants[3]?.terms.grantId]);
  });

  test('an account that ends loses its grants and wrapped keys, and is forgotten a month later; others stay', async () => {
    const { keys, site } = gateway;
    const [ended, other] = [await makeAccount('active'), await makeAccount('active')];
    for (const accountRef of [ended, other]) {
      const { signed } = await buildGrant(keys.sign, { site, accountRef });
      expect((await gateway.call('grants', { grants: [signed] })).status).toBe(200);
    }
    const body = { grantIds: [], charts: [], accounts: [ended, newRef()] };
    expect((await gateway.call('revocations', body)).status).toBe(200);
    expect((await gateway.call('revocations', body)).status).toBe(200);
    const held = (accountRef: string): Promise<unknown[]> =>
      rows(
        `SELECT a.state, LENGTH(a.private_key_wrapped) AS key_bytes, LENGTH(a.totp_wrapped) AS totp_bytes,
            a.revoked_at IS NOT NULL AS dated, COUNT(g.grant_id) AS grants
          FROM account a LEFT JOIN chart_grant g ON g.account_ref = a.account_ref WHERE a.account_ref = ? GROUP BY 1, 2, 3, 4`,
        [hexBytes(accountRef)],
      );
    expect(await held(ended)).toMatchObject([{ state: 'revoked', key_bytes: 0, totp_bytes: 0, dated: 1, grants: '0' }]);
    expect(await held(other)).toMatchObject([{ state: 'active', key_bytes: 1, totp_bytes: 1, dated: 0, grants: '1' }]);
    await gateway.database.query('UPDATE account SET revoked_at = ? WHERE account_ref = ?', [
      new Date(Date.now() - 31 * 24 * 3_600_000),
      hexBytes(ended),
    ]);
    expect(await gateway.app.get(Housekeeping).sweep()).toMatchObject({ accounts: 1 });
    expect([await held(ended), await held(other)]).toMatchObject([[], [{ state: 'active' }]]);
  });

  test('housekeeping forgets old invites and throttles', async () => {
    await gateway.database.query(
      "INSERT INTO throttle (bucket, failures, retry_at, updated_at) VALUES (?, 3, '2020-01-01', '2020-01-01'), (?, 3, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
      [randomBytes(32), randomBytes(32)],
    );
    await gateway.database.query(
      "INSERT INTO invite (invite_id, lookup, expires_at, state) VALUES (?, ?, '2020-01-01', 'used')",
      [randomBytes(5), randomBytes(32)],
    );
    expect(await gateway.app.get(Housekeeping).sweep()).toEqual({
      envelopes: 0,
      invites: 1,
      accounts: 0,
      throttles: 1,
    });
    expect(await rows('SELECT 1 FROM throttle')).toHaveLength(1);
  });

  test('every effect stands in the audit chain, which holds together', async () => {
    const links = await rows<{ n: number | string; body: string; hash: Buffer }>(
      'SELECT n, body, hash FROM audit_entry ORDER BY n',
    );
    expect(
      firstBrokenLink(links.map((link) => ({ n: Number(link.n), body: link.body, hash: link.hash.toString('hex') }))),
    ).toBeNull();
    const actions = new Set(links.map((link) => (JSON.parse(link.body) as { action: string }).action));
    for (const action of ['hello', 'keys', 'invites', 'enrolments', 'grants', 'revocations', 'chart-batch']) {
      expect(actions).toContain(`gateway-${action}`);
    }
  });

  test('what a hostile body did not reach: the version is still asked for first', async () => {
    expect((await gateway.call('grants', { v: PROTOCOL_VERSION + 1, grants: 'x' })).body).toMatchObject({
      code: 'protocol-version-refused',
    });
  });
});
