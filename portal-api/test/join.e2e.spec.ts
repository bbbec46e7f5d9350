import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EnrolmentPayload } from 'sync-contract/submission';
import { formatInviteCode, inviteProofHolds, newInviteCode, parseInviteCode } from 'sync-contract/invite';
import type { SessionView, TotpSetupView } from '../src/http.js';
import { ThrottleService } from '../src/throttle/throttle.service.js';
import { codeOf } from './browser-stand-in.js';
import { DATE_OF_BIRTH, PASSWORD, PortalUnderTest, totpCode } from './portal-under-test.js';

let portal: PortalUnderTest;
beforeAll(async () => {
  portal = await PortalUnderTest.start('join');
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

/** Rows that joining writes. */
async function written(): Promise<unknown> {
  const [row] = await portal.inside.sql(
    `SELECT (SELECT COUNT(*) FROM {db}.account) AS accounts, (SELECT COUNT(*) FROM {db}.outbox) AS envelopes,
       (SELECT COUNT(*) FROM {db}.stream) AS streams, (SELECT COUNT(*) FROM {db}.invite WHERE state = 'used') AS used`,
  );
  return row;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('an invite', () => {
  test('that is open is recognised, however it is typed', async () => {
    const code = await portal.inside.invite();
    const typed = code.toLowerCase().replaceAll('-', ' ').replace('0', 'o');
    await portal.browser().post('/api/join/check', { code: typed }).expect(200, { status: 'open' });
  });

  test.each<[string, number, () => Promise<string>]>([
    ['invite-mistyped', 422, () => Promise.resolve('ABCDE-FGHJK')],
    ['invite-unknown', 404, () => Promise.resolve(formatInviteCode(newInviteCode()))],
    ['invite-expired', 410, () => portal.inside.invite(new Date(Date.now() - 1_000))],
    [
      'invite-used',
      410,
      async () => {
        const code = await portal.inside.invite();
        const browser = portal.browser();
        const { form } = await portal.joinForm(browser, 'first.user', code);
        await browser.post('/api/join', form).expect(201);
        return code;
      },
    ],
    [
      'invite-unknown',
      404,
      async () => {
        const code = parseInviteCode(await portal.inside.invite());
        return formatInviteCode({ ...code, inviteId: 'ffffffffff' });
      },
    ],
  ])(
    'that is not open is refused as %s, at the check and when joining, and nothing is written',
    async (code, status, make) => {
      const browser = portal.browser();
      const invite = await make();
      const before = await written();
      const check = await browser.post('/api/join/check', { code: invite });
      expect([check.status, codeOf(check)]).toEqual([status, code]);
      const { form } = await portal.joinForm(browser, 'somebody', invite);
      const join = await browser.post('/api/join', form);
      expect([join.status, codeOf(join)]).toEqual([status, code]);
      expect(await written()).toEqual(before);
    },
  );

  test('costs guessers of codes more and more time', async () => {
    const browser = portal.browser();
    const answers: number[] = [];
    for (let i = 0; i < 63; i += 1) {
      const { status } = await browser.post('/api/join/check', { code: formatInviteCode(newInviteCode()) });
      answers.push(status);
    }
    expect(answers.slice(0, 60)).toEqual(Array(60).fill(404));
    expect(answers.slice(61)).toContain(429);
  });
});

test('set-ups of an authenticator are public work and no address gets them without end', async () => {
  const browser = portal.browser();
  const answers: number[] = [];
  for (let i = 0; i < 63; i += 1) {
    answers.push((await browser.post('/api/join/totp', { name: 'set.up' })).status);
  }
  expect(answers.slice(0, 60)).toEqual(Array(60).fill(200));
  expect(answers.slice(61)).toContain(429);
});

test('a set-up that was joined with costs its address nothing, a name that is taken costs a try', async () => {
  const address = '192.0.2.77';
  const failures = async (): Promise<unknown> => {
    const [row] = await portal.inside.sql('SELECT failures FROM {db}.throttle WHERE bucket = ?', [
      portal.app.get(ThrottleService).bucket('address', address).key,
    ]);
    return row?.['failures'];
  };
  const browser = portal.browser(address);
  const { form } = await portal.joinForm(browser, 'costs.nothing', await portal.inside.invite());
  expect(await failures()).toBe(1);
  await browser.post('/api/join', form).expect(201);
  expect(await failures()).toBe(0);
  const taken = await portal.joinForm(browser, 'costs.nothing', await portal.inside.invite());
  await browser.post('/api/join', taken.form).expect(409);
  expect(await failures()).toBe(1);
});

describe('joining', () => {
  test('makes an account, uses the invite up and sends the acceptance to the inside alone', async () => {
    const invite = await portal.inside.invite();
    const browser = portal.browser();
    const { form } = await portal.joinForm(browser, 'Nora.Field@example.org', invite);
    const response = await browser.keep(browser.post('/api/join', form));
    expect(response.status).toBe(201);
    const view = response.body as SessionView;
    expect(view).toMatchObject({ state: 'joining', enrolment: null, patients: [] });
    await browser.get('/api/session').expect(200);

    const payload = EnrolmentPayload.parse(await portal.inside.newestPayload(view.accountRef));
    const code = parseInviteCode(invite);
    const terms = { site: portal.config.siteId, ...payload };
    expect(payload.dateOfBirth).toBe(DATE_OF_BIRTH);
    expect(inviteProofHolds(code.secret, terms, payload.proof)).toBe(true);
    expect(inviteProofHolds(newInviteCode().secret, terms, payload.proof)).toBe(false);
    const [account] = await portal.inside.sql('SELECT public_key FROM {db}.account WHERE account_ref = ?', [
      hex(view.accountRef),
    ]);
    expect((account?.['public_key'] as Buffer).toString('base64url')).toBe(payload.publicKey);
  });

  test('stores no part of the code, of the password, of the name or of the date of birth', async () => {
    const invite = await portal.inside.invite();
    const browser = portal.browser();
    const name = 'unmistakable.name@example.org';
    const { form, secret } = await portal.joinForm(browser, name, invite);
    await browser.post('/api/join', form).expect(201);
    const canaries = [
      parseInviteCode(invite).secret,
      ...[name, PASSWORD, DATE_OF_BIRTH, secret, invite].map((text) => Buffer.from(text, 'utf8')),
    ];
    const stored = await everyStoredValue();
    for (const canary of canaries) {
      expect(stored.some((value) => value.includes(canary))).toBe(false);
    }
    const known = Buffer.from(portal.inside.sign.kid, 'utf8');
    expect(stored.some((value) => value.includes(known))).toBe(true);
  });

  test.each<[string, number, (form: Record<string, unknown>) => Record<string, unknown>]>([
    ['name-refused', 422, (form) => ({ ...form, name: 'a' })],
    ['name-refused', 422, (form) => ({ ...form, name: 'two words' })],
    ['password-refused', 422, (form) => ({ ...form, password: 'short one' })],
    ['password-refused', 422, (form) => ({ ...form, password: 'password123456' })],
    ['password-refused', 422, (form) => ({ ...form, password: 'table.d.case' })],
    ['body-refused', 422, (form) => ({ ...form, dateOfBirth: '1980-02-30' })],
    ['body-refused', 422, (form) => ({ ...form, dateOfBirth: '2980-02-03' })],
    ['body-refused', 422, (form) => ({ ...form, dateOfBirth: '14.3.1980' })],
    ['body-refused', 422, (form) => ({ ...form, isAdmin: true })],
    ['totp-setup-expired', 422, (form) => ({ ...form, name: 'another.name' })],
    ['totp-setup-expired', 422, (form) => ({ ...form, totp: { setup: 'AAAA', code: '123456' } })],
    ['totp-refused', 422, (form) => ({ ...form, totp: { ...(form['totp'] as object), code: '000000' } })],
    ['body-refused', 422, (form) => ({ ...form, totp: { ...(form['totp'] as object), code: '12345a' } })],
  ])('with one wrong field is refused as %s before anything is written', async (code, status, spoil) => {
    const browser = portal.browser();
    const invite = await portal.inside.invite();
    const { form } = await portal.joinForm(browser, 'table.d.case', invite);
    const before = await written();
    const response = await browser.post('/api/join', spoil(form));
    expect([response.status, codeOf(response)]).toEqual([status, code]);
    expect(await written()).toEqual(before);
    await browser.post('/api/join/check', { code: invite }).expect(200);
  });

  test('with one invite from two browsers at once makes one account', async () => {
    const invite = await portal.inside.invite();
    const forms = await Promise.all(
      ['race.one', 'race.two'].map(async (name) => {
        const browser = portal.browser();
        return { browser, form: (await portal.joinForm(browser, name, invite)).form };
      }),
    );
    const answers = await Promise.all(forms.map(({ browser, form }) => browser.post('/api/join', form)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 410]);
  });

  test('under a name somebody has, in any writing of it, is refused', async () => {
    const taken = await portal.join('taken.name');
    expect(taken.session.state).toBe('joining');
    const browser = portal.browser();
    const { form } = await portal.joinForm(browser, 'TAKEN.Name', await portal.inside.invite());
    const response = await browser.post('/api/join', form);
    expect([response.status, codeOf(response)]).toEqual([409, 'name-taken']);
  });

  test('under one name from two browsers at once makes one account', async () => {
    const forms = await Promise.all(
      [1, 2].map(async () => {
        const browser = portal.browser();
        return { browser, form: (await portal.joinForm(browser, 'same.name', await portal.inside.invite())).form };
      }),
    );
    const answers = await Promise.all(forms.map(({ browser, form }) => browser.post('/api/join', form)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409]);
  });
});

describe('a wrong date of birth', () => {
  async function answered(accountRef: string, outcome: string, left: number): Promise<void> {
    await portal.inside.sql(
      'UPDATE {db}.account SET enrolment_outcome = ?, enrolment_tries_left = ? WHERE account_ref = ?',
      [outcome, left, hex(accountRef)],
    );
  }

  test('can be put right without the code, once for each answer of the inside', async () => {
    const { browser, accountRef } = await portal.join();
    const first = EnrolmentPayload.parse(await portal.inside.newestPayload(accountRef));
    await answered(accountRef, 'wrong-date', 4);
    const seen = await browser.get('/api/session');
    expect(seen.body).toMatchObject({ state: 'joining', enrolment: { outcome: 'wrong-date', triesLeft: 4 } });

    const retry = { dateOfBirth: '1980-04-13' };
    const answers = await Promise.all([1, 2].map(() => browser.post('/api/join/date-of-birth', retry)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    const second = EnrolmentPayload.parse(await portal.inside.newestPayload(accountRef));
    expect(second).toEqual({ ...first, dateOfBirth: '1980-04-13' });
    expect((await browser.get('/api/session')).body).toMatchObject({ enrolment: null });
  });

  test.each([
    ['accepted', 5],
    ['void', 0],
    ['wrong-date', 0],
  ])('is not asked for after %s with %d tries left', async (outcome, left) => {
    const { browser, accountRef } = await portal.join();
    await answered(accountRef, outcome, left);
    const response = await browser.post('/api/join/date-of-birth', { dateOfBirth: '1980-04-13' });
    expect([response.status, codeOf(response)]).toEqual([409, 'date-of-birth-not-asked']);
  });

  test('is not asked for while the inside has not answered', async () => {
    const { browser } = await portal.join();
    await browser.post('/api/join/date-of-birth', { dateOfBirth: '1980-04-13' }).expect(409);
  });
});

test('the authenticator set-up shows one secret in three forms and stores nothing', async () => {
  const before = await written();
  const response = await portal.browser().post('/api/join/totp', { name: 'setup.only' }).expect(200);
  const body = response.body as TotpSetupView;
  expect(body.secret).toMatch(/^[A-Z2-7]{32}$/);
  expect(body.uri).toContain(`secret=${body.secret}`);
  expect(body.uri).toMatch(/^otpauth:\/\/totp\/Elm%20Street%20Practice/);
  expect(Buffer.from(body.qrSvg.split(',')[1] ?? '', 'base64').toString()).toContain('<svg');
  expect(totpCode(body.secret)).toMatch(/^\d{6}$/);
  expect(await written()).toEqual(before);
});

/** Every value of every table of the portal, as bytes. */
async function everyStoredValue(): Promise<Buffer[]> {
  const tables = await portal.inside.sql(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
    [portal.databases.portal],
  );
  const values: Buffer[] = [];
  for (const { name } of tables) {
    for (const row of await portal.inside.sql(`SELECT * FROM {db}.\`${String(name)}\``)) {
      for (const value of Object.values(row)) {
        values.push(Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'utf8'));
      }
    }
  }
  return values;
}
