import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { PATIENT_REF, THREADS } from './fixture-chart.js';
import { FIXTURE, type FixturePortal } from './fixture-portal.js';
import { closeChromium, PortalBrowser, until } from './portal-browser.js';

jest.setTimeout(60_000);
afterAll(closeChromium);

/** Presses Tab until the focus is on what has this name; fails when that takes longer than any page has controls. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? element.labels : null;
      const label: string =
        element?.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element?.textContent ?? '';
      return label.replace(/\s+/g, ' ').trim();
    });
    passed.push(focused);
    if (typeof name === 'string' ? focused === name : name.test(focused)) {
      return;
    }
  }
  throw new Error(`never reached ${String(name)}; passed ${passed.join(' → ')}`);
}

async function focusedHeading(page: Page): Promise<string> {
  return page.evaluate(() => (document.activeElement?.tagName === 'H1' ? document.activeElement.textContent : ''));
}

describe('a person with a keyboard only', () => {
  it('signs in, reads a result, sends a message and signs out', async () => {
    await using portal = await PortalBrowser.open({ width: 1280, height: 860, scheme: 'light' });
    const page = await portal.page('/');
    await page.getByLabel('Sign-in name').waitFor();
    await tabTo(page, 'Sign-in name');
    await page.keyboard.type(FIXTURE.name);
    await page.keyboard.press('Tab');
    await page.keyboard.type(FIXTURE.password);
    await page.keyboard.press('Enter');
    await page.getByLabel('Six-digit code').waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('autocomplete'))).toBe('one-time-code');
    await page.keyboard.type(FIXTURE.totp);
    await page.keyboard.press('Enter');
    await page.getByText('3 active medications').waitFor();
    await until(() => focusedHeading(page), /^Good (morning|afternoon|evening), Rosalind$/);

    await tabTo(page, 'All results');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Basic metabolic panel' }).waitFor();
    expect(await focusedHeading(page)).toBe('Test results');
    await tabTo(page, 'Basic metabolic panel');
    await page.keyboard.press('Enter');
    await page.getByText('mg/dL').first().waitFor();
    await until(() => page.title(), /^Result – Alder Lane Family Practice$/);
    await tabTo(page, /^Ask about this result/);
    await page.keyboard.press('Enter');
    await page.getByLabel('Topic').waitFor();
    expect(await page.getByLabel('Topic').inputValue()).toBe('Results');
    expect(await page.getByLabel('Subject').inputValue()).toMatch(/^Basic metabolic panel, /);
    await tabTo(page, 'Message');
    await page.keyboard.type('Is this value a problem?');
    await tabTo(page, /^Send/);
    await page.keyboard.press('Enter');
    await page.getByText('Saved. The clinic collects it in a moment.').waitFor();
    expect(await page.getByText('Is this value a problem?').count()).toBe(1);
    await page.keyboard.press('Home');
    await page.evaluate(() => {
      (document.activeElement as HTMLElement | null)?.blur();
    });
    await tabTo(page, 'Skip to main content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.reload();
    await page.getByText('Is this value a problem?').waitFor();
    await tabTo(page, 'Sign out');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await until(() => focusedHeading(page), 'You are signed out');
    expect(portal.fixture.session).toBeNull();
    expect(portal.complaints).toEqual([]);
  });

  it('always sees where the focus is', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/');
    await page.getByText('3 active medications').waitFor();
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press('Tab');
      const outline = await page.evaluate(() => {
        const element = document.activeElement ?? document.body;
        const shown = element.matches('input[type=radio]') ? (element.nextElementSibling ?? element) : element;
        return { what: element.outerHTML.slice(0, 80), width: getComputedStyle(shown).outlineWidth };
      });
      expect(outline).toEqual({ what: outline.what, width: '3px' });
    }
  });
});

describe('joining', () => {
  it('says what is wrong with a code, takes one from a link out of the address, and ends at the own record', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const page = await portal.page('/join');
    for (const [code, sentence] of [
      ['ABC', 'typing error'],
      [FIXTURE.usedInvite, 'used already'],
      [FIXTURE.expiredInvite, 'expired'],
      ['X'.repeat(35), 'do not know this code'],
    ] as const) {
      await page.getByLabel('Invitation code').fill(code);
      await page.getByRole('button', { name: 'Check code' }).click();
      await page.getByText(sentence).first().waitFor();
    }
    await page.close();

    const linked = await portal.page(`/join?code=${FIXTURE.invite}`);
    await linked.getByLabel('Sign-in name').waitFor();
    expect(linked.url()).toBe(`${fixture.origin}/#/join`);
    await linked.getByLabel('Sign-in name').fill('rosalind');
    await linked.getByLabel('Password', { exact: true }).fill('short');
    await linked.getByText('7 more characters needed.').waitFor();
    await linked.getByRole('button', { name: 'Continue' }).click();
    await linked.getByText('Use at least 12 characters.').waitFor();
    await linked.getByLabel('Password', { exact: true }).fill(FIXTURE.password);
    await linked.getByLabel('Month').fill('2');
    await linked.getByLabel('Day').fill('30');
    await linked.getByLabel('Year').fill('1980');
    await linked.getByRole('button', { name: 'Continue' }).click();
    await linked.getByText('Enter a date like').waitFor();
    await linked.getByLabel('Month').fill('4');
    await linked.getByRole('button', { name: 'Continue' }).click();
    await linked.getByLabel('Code from the app').fill('000000');
    await linked.getByRole('button', { name: 'Create account' }).click();
    await linked.getByText('This code does not match').waitFor();
    await linked.getByLabel('Code from the app').fill(FIXTURE.totp);
    await linked.getByRole('button', { name: 'Create account' }).click();
    await linked.getByRole('heading', { name: 'Checking with the clinic' }).waitFor();
    expect(fixture.seen.find(({ path }) => path === '/api/join')).toBeDefined();

    fixture.decide('wrong-date', 4);
    await linked.getByText('4 tries left.').waitFor();
    await linked.getByLabel('Month').fill('4');
    await linked.getByLabel('Day').fill('23');
    await linked.getByLabel('Year').fill('1980');
    await linked.getByRole('button', { name: 'Check again' }).click();
    await linked.getByRole('heading', { name: 'Checking with the clinic' }).waitFor();
    expect(fixture.seen.findLast(({ path }) => path === '/api/join/date-of-birth')?.body).toEqual({
      dateOfBirth: '1980-04-23',
    });
    await until(() => fixture.openStreams, 1);
    fixture.decide('accepted');
    await until(() => fixture.session?.state, 'active');
    await linked.waitForTimeout(300);
    expect(fixture.session?.patients).toEqual([]);
    await linked.getByRole('heading', { name: 'Checking with the clinic' }).waitFor();
    await linked.getByText('3 active medications').waitFor();
    await linked.getByRole('heading', { name: /Rosalind$/ }).waitFor();
    await linked.getByText('Basic metabolic panel').waitFor();
    expect(fixture.seen.filter(({ path }) => path.includes('/charts/') && !path.includes(PATIENT_REF))).toEqual([]);
    expect(portal.complaints).toEqual([]);
  });

  it('says of a name or password why it was refused, and cuts nothing of what was pasted', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const page = await portal.page(`/join?code=${FIXTURE.invite}`);
    const name = page.getByLabel('Sign-in name');
    const password = page.getByLabel('Password', { exact: true });
    const go = page.getByRole('button', { name: 'Continue' });
    await name.fill('rosalind o');
    await password.fill('x'.repeat(300));
    await page.getByText('44 characters too many.').waitFor();
    expect((await password.inputValue()).length).toBe(300);
    await page.getByLabel('Month').fill('4');
    await page.getByLabel('Day').fill('23');
    await page.getByLabel('Year').fill('1980');
    await go.click();
    await page.getByText('Use 3 to 254 characters without spaces').waitFor();
    await page.getByText('Nothing was cut').waitFor();
    await name.fill('rosalind');
    await password.fill('rosalind1234');
    await go.click();
    fixture.refusals.set('join', {
      status: 422,
      code: 'password-refused',
      errors: [{ path: 'password', message: 'is too close to your sign-in name or to the name of the practice' }],
    });
    await page.getByLabel('Code from the app').fill(FIXTURE.totp);
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByText('too close to your sign-in name').waitFor();
    fixture.refusals.set('join/totp', {
      status: 422,
      code: 'body-refused',
      errors: [{ path: 'name', message: 'may have letters' }],
    });
    await go.click();
    await page.getByText('Use 3 to 254 characters without spaces').waitFor();
  });

  it('shows nothing of a record that is closed to the account again, and says so', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/medications');
    await page.getByText('Lisinopril').waitFor();
    await until(() => fixture.openStreams, 1);
    fixture.grant(null);
    await page.getByRole('heading', { name: 'No record is open to you right now' }).waitFor();
    expect(await page.content()).not.toContain('Lisinopril');
    await until(() => fixture.openStreams, 1);
    fixture.sections['medications'] = { resources: [] };
    fixture.grant(PATIENT_REF);
    await page.getByText('Your record has no medications.').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    expect(portal.complaints).toEqual([]);
  });
});

describe('signing in', () => {
  it('tells the wait after too many tries and counts it down', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signInsUntilThrottle = 1;
    const page = await portal.page('/');
    for (const sentence of ['is not right', 'Too many tries']) {
      await page.getByLabel('Sign-in name').fill('rosalind');
      await page.getByLabel('Password', { exact: true }).fill('wrong password');
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('alert').getByText(sentence).waitFor();
    }
    await page.getByText(/You can try again in (30|29) seconds/).waitFor();
    await page.getByText(/You can try again in 2[5-8] seconds/).waitFor();
    const before = portal.fixture.seen.length;
    await page.getByRole('button', { name: 'Continue' }).press('Enter');
    await page.waitForTimeout(200);
    expect(portal.fixture.seen.length).toBe(before);
  });
});

describe('a conversation', () => {
  it('shows markup as text and each message once, whichever answer comes first', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page(`/messages/${THREADS.unread}`);
    await page.getByText('<b>No</b> change to your tablets.').waitFor();
    for (const words of ['First reply', 'Second reply']) {
      await page.getByLabel('Your reply').fill(words);
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByRole('article').getByText(words).waitFor();
    }
    const sent = fixture.seen.filter(({ method, path }) => method === 'POST' && path.endsWith('/messages'));
    expect(sent.map(({ body }) => body)).toEqual([
      { threadId: THREADS.unread, topic: 'Results', subject: 'Your potassium result', body: 'First reply' },
      { threadId: THREADS.unread, topic: 'Results', subject: 'Your potassium result', body: 'Second reply' },
    ]);
    const [first] = fixture.copies;
    const thread = fixture.sections[`messages/${THREADS.unread}`] as { messages: object[] };
    const delivered = {
      ...thread,
      messages: [
        ...thread.messages,
        {
          id: 'mail9',
          from: 'patient',
          senderName: 'Rosalind',
          sentAt: first?.createdAt,
          body: 'First reply',
          submissionId: first?.submissionId,
        },
      ],
    };
    // The chart has it while the copy is still there.
    fixture.change(`messages/${THREADS.unread}`, delivered);
    await page.getByText('With the clinic’s staff').waitFor();
    expect(await page.getByRole('article').getByText('First reply').count()).toBe(1);
    // The copy of the second is gone before the chart's section has come.
    fixture.copies = [];
    fixture.ring('chart');
    await page.waitForTimeout(300);
    expect(await page.getByRole('article').allInnerTexts()).toEqual([
      expect.stringContaining('Nora Greene'),
      expect.stringContaining('First reply'),
      expect.stringContaining('Second reply'),
    ]);
  });
});

describe('new results', () => {
  it('wait when a person says so with the keyboard alone, and each is shown when it is asked for', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const index = fixture.sections['results'] as object;
    const page = await portal.page('/profile');
    await page.getByRole('link', { name: 'Choose when new results appear' }).press('Enter');
    await page.getByRole('heading', { level: 1, name: 'When new results appear' }).waitFor();
    const [atOnce, wait] = [page.getByLabel('Show them at once'), page.getByLabel('Wait until my clinician')];
    expect(await atOnce.isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Save' }).press('Enter');
    await page.getByText('This is how it is already.').waitFor();
    expect(wishesSeen(fixture)).toEqual([]);
    await atOnce.press('ArrowDown');
    expect(await wait.isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Save' }).press('Enter');
    await page.getByText('On its way to the clinic: new results wait').waitFor();
    expect(wishesSeen(fixture)).toEqual([{ wish: 'wait', resultId: null }]);
    await page.goto(`${fixture.origin}/#/`);
    await page.getByRole('link', { name: 'When new results appear' }).press('Enter');
    await page.getByText('On its way to the clinic: new results wait').waitFor();

    const since = new Date(Date.now() - 3_600_000).toISOString();
    const waiting = ['w1', 'w2'].map((id) => ({ id, since }));
    fixture.wishes = [];
    fixture.change('results', { ...index, wish: { waiting } });
    await page.getByText('2 results wait for your clinician').waitFor();
    await page.getByText('On its way to the clinic').waitFor({ state: 'detached' });
    expect(await wait.isChecked()).toBe(true);
    await page.goto(`${fixture.origin}/#/`);
    await page.getByRole('link', { name: '2 results wait for your clinician' }).press('Enter');
    await page.getByRole('button', { name: 'Show it now' }).first().press('Enter');
    const asked = page.getByRole('button', { name: 'Asked for; it comes in a moment' });
    await asked.waitFor();
    expect(await asked.getAttribute('aria-disabled')).toBe('true');
    expect(wishesSeen(fixture)).toContainEqual({ wish: 'show', resultId: 'w1' });
    fixture.wishes = [];
    fixture.change('results', { ...index, wish: { waiting: waiting.slice(1) } });
    await page.getByText('1 result waits for your clinician, as you wished.').waitFor();
    await until(() => page.evaluate(() => document.activeElement?.textContent ?? ''), /1 result waits/);
    fixture.change('results', { years: [], wish: { waiting: waiting.slice(1) } });
    await page.getByText('There are no other test results in your record.').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('cannot be put off by somebody who may not write, and a refusal is said', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.refusals.set(`charts/${PATIENT_REF}/release-wishes`, { status: 503, code: 'clinic-catching-up' });
    const page = await portal.page('/profile/new-results');
    await page.getByLabel('Wait until my clinician').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('The portal is being restored').waitFor();
    expect(await page.getByLabel('Wait until my clinician').isChecked()).toBe(true);
    const { session } = fixture;
    if (session !== null) {
      fixture.session = { ...session, patients: session.patients.map((each) => ({ ...each, scopes: [] })) };
    }
    await page.reload();
    await page.getByText('Your access does not include changing this.').waitFor();
    expect(await page.getByLabel('Show them at once').isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: 'Save' }).count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });
});

const wishesSeen = (fixture: FixturePortal): unknown[] =>
  fixture.seen.filter(({ path }) => path.endsWith('/release-wishes')).map(({ body }) => body);
