import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { JSHandle, Locator, Page } from 'playwright-core';
import type { AccessEntryView } from 'portal-api/http';
import { access, accesses } from './fixture-accesses.js';
import { FIXTURE } from './fixture-portal.js';
import { newReport, PATIENT_REF, THREADS } from './fixture-chart.js';
import { manyDocuments } from './fixture-long.js';
import { closeChromium, PortalBrowser, until } from './portal-browser.js';

jest.setTimeout(60_000);
afterAll(closeChromium);

/** What the page tells screen readers from now on. */
async function saidAloud(page: Page): Promise<JSHandle<string[]>> {
  return page.evaluateHandle(() => {
    const words: string[] = [];
    for (const region of document.querySelectorAll('[aria-live="polite"]')) {
      new MutationObserver(() => words.push(region.textContent)).observe(region, {
        ...{ subtree: true, childList: true, characterData: true },
      });
    }
    return words;
  });
}

describe('the session', () => {
  it('is kept awake by what the person does, never by what the page fetches on its own', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/medications');
    await page.getByText('Lisinopril').waitFor();
    const opened = fixture.seen.find(({ path }) => path.endsWith('/sections/medications'));
    expect(opened?.userAct).toBe(true);
    await until(() => fixture.openStreams, 1);
    fixture.seen = [];
    fixture.change('medications', { resources: [] });
    fixture.ring('receipt');
    fixture.ring('account');
    await page.getByText('Your record has no medications.').waitFor();
    expect(fixture.seen.length).toBeGreaterThan(3);
    expect(fixture.seen.filter(({ userAct }) => userAct)).toEqual([]);
  });

  it.each(['/', '/messages', `/messages/${THREADS.answered}`, '/results', '/record', '/record/download', '/profile'])(
    'is not kept awake by an open page that looks at it again, or whose events break off: %s',
    async (path) => {
      await using portal = await PortalBrowser.open();
      const { fixture } = portal;
      fixture.signIn();
      const page = await portal.page(path);
      const asked = (name: string): number => fixture.seen.filter((request) => request.path.endsWith(name)).length;
      await page.getByRole('heading', { level: 1 }).waitFor();
      await until(() => fixture.openStreams, 1);
      await page.waitForLoadState('networkidle');
      fixture.seen = [];
      fixture.ring('account');
      await until(() => asked('/api/session'), 1);
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      await until(() => asked('/api/session'), 2);
      fixture.endStreams();
      await until(() => asked('/api/session'), 3);
      await until(() => asked('/own-copies') >= 2, true);
      await page.waitForTimeout(300);
      expect(fixture.seen.filter(({ userAct }) => userAct)).toEqual([]);
    },
  );

  it('warns before its idle end, stays when asked to, and else clears everything', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.idleSeconds = 6;
    fixture.signIn();
    const page = await portal.page('/medications');
    await page.getByText('Lisinopril').waitFor();
    const dialog = page.getByRole('dialog', { name: 'Are you still there?' });
    await dialog.waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Stay signed in');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    expect(fixture.seen.findLast(({ path }) => path === '/api/session/extend')?.userAct).toBe(true);
    await dialog.waitFor();
    fixture.session = null;
    await page.getByText('nothing happened for a while').waitFor();
    expect(await page.content()).not.toContain('Lisinopril');
    expect(page.url()).toBe(`${fixture.origin}/#/signed-out`);
  });

  it('ends in all tabs when it ends in one, and on the page when the server ends it', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const one = await portal.page('/medications');
    const other = await portal.page('/profile');
    await one.getByText('Lisinopril').waitFor();
    await other.getByText('Alder Lane').last().waitFor();
    await other.getByRole('button', { name: 'Sign out' }).click();
    await one.getByText('You signed out in another tab.').waitFor();
    expect(await one.content()).not.toContain('Lisinopril');

    fixture.signIn();
    const later = await portal.page('/medications');
    await later.getByText('Lisinopril').waitFor();
    await until(() => fixture.openStreams, 1);
    fixture.endSession();
    await later.getByText('Your session has ended.').waitFor();
    expect(await later.content()).not.toContain('Lisinopril');
  });

  it('does not begin for an account that the clinic has ended, and says so without alarm', async () => {
    await using portal = await PortalBrowser.open();
    const page = await portal.page('/sign-in');
    await page.getByLabel('Sign-in name').fill(FIXTURE.endedName);
    await page.getByLabel('Password', { exact: true }).fill(FIXTURE.password);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('Your clinic has ended this access to the portal.').waitFor();
    expect(await page.getByLabel('Six-digit code').count()).toBe(0);
  });

  it('leaves nothing on the device', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/');
    await page.getByText('3 active medications').waitFor();
    await page.getByRole('radio', { name: 'Dark' }).check();
    expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
    const kept = await page.evaluate(async () => ({
      local: localStorage.length,
      session: sessionStorage.length,
      databases: (await indexedDB.databases()).length,
      caches: (await caches.keys()).length,
      workers: (await navigator.serviceWorker.getRegistrations()).length,
    }));
    expect(kept).toEqual({ local: 0, session: 0, databases: 0, caches: 0, workers: 0 });
  });
});

describe('an open page', () => {
  it('shows a new result without a reload and says so', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/results');
    await page.getByText('Lipid panel').waitFor();
    await until(() => fixture.openStreams, 1);
    const name = `results/${String(new Date().getUTCFullYear())}`;
    const { resources } = fixture.sections[name] as { resources: object[] };
    fixture.change(name, { resources: [...newReport(Date.now()), ...resources] });
    await page.getByRole('link', { name: 'Kidney check' }).waitFor({ timeout: 1_000 });
    expect(await page.locator('[aria-live=polite]').first().textContent()).toContain('New information');
    await page.getByText('Very high').first().waitFor();
  });

  it('calls nothing new that only came under a new number', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/medications');
    await page.getByText('Lisinopril').waitFor();
    await until(() => fixture.openStreams, 1);
    await page.waitForLoadState('networkidle');
    const said = await saidAloud(page);
    const asked = (): number => fixture.seen.filter(({ path }) => path.endsWith('/sections/medications')).length;
    const before = asked();
    fixture.change('medications', structuredClone(fixture.sections['medications']));
    await until(() => asked() > before, true);
    await page.waitForTimeout(300);
    expect(await said.jsonValue()).toEqual([]);
    expect(await page.getByText('Updated just now').count()).toBe(0);
    fixture.change('medications', { resources: [] });
    await page.getByText('Updated just now').waitFor();
    await until(async () => (await said.jsonValue()).join(), /New information/);
  });

  it('claims no newer T than its content has when the news of a change was lost', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const time = (ms: number): string =>
      new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', timeStyle: 'short' }).format(ms);
    const before = Date.now() - 9 * 60_000;
    const after = Date.now() - 60_000;
    fixture.currentAsOf = new Date(before).toISOString();
    fixture.signIn();
    await portal.context.clock.install();
    const page = await portal.page('/medications');
    const claim = page.getByText('Up to date as of');
    await page.getByText('Lisinopril').waitFor();
    await until(() => claim.innerText(), new RegExp(time(before)));

    fixture.changeSilently('medications', { resources: [] });
    fixture.currentAsOf = new Date(after).toISOString();
    fixture.busySection = 'medications';
    const asked = (): number => fixture.seen.filter(({ path }) => path.endsWith('/sections/medications')).length;
    const askedBefore = asked();
    await page.clock.fastForward(31_000);
    await until(() => asked() > askedBefore, true);
    await page.waitForTimeout(300);
    await page.getByText('Lisinopril').waitFor();
    expect(await claim.innerText()).toContain(time(before));

    fixture.busySection = null;
    await page.clock.fastForward(31_000);
    await page.getByText('Your record has no medications.').waitFor();
    await until(() => claim.innerText(), new RegExp(time(after)));
  });

  it('fetches again what it may have missed while the events were interrupted', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/medications');
    await page.getByText('Lisinopril').waitFor();
    await until(() => fixture.openStreams, 1);
    fixture.down = true;
    fixture.endStreams();
    fixture.change('medications', { resources: [] });
    await page.getByText('The connection was interrupted').waitFor();
    await page.getByText('Lisinopril').waitFor();
    fixture.down = false;
    await page.getByText('Your record has no medications.').waitFor({ timeout: 15_000 });
    await page.getByText('The connection was interrupted').waitFor({ state: 'hidden' });
  });

  it('asks for receipts again once it hears events: of one that came just before, nothing else would tell', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const createdAt = new Date().toISOString();
    const payload = {
      threadId: THREADS.answered,
      topic: 'General',
      subject: '',
      body: 'One more',
      writtenAt: createdAt,
    };
    const copy = { submissionId: randomUUID(), stream: THREADS.answered, createdAt, payload };
    fixture.copies = [{ ...copy, kind: 'message', state: 'saved' }];
    const opening = Promise.withResolvers<undefined>();
    fixture.streamsOpen = opening.promise;
    const page = await portal.page(`/messages/${THREADS.answered}`);
    await page.getByText('The clinic collects it in a moment.').waitFor();
    // At the start of the session, and when the conversation was opened.
    await until(() => fixture.seen.filter(({ path }) => path.endsWith('/own-copies')).length, 2);
    fixture.copies = [{ ...copy, kind: 'message', state: 'collected' }];
    opening.resolve(undefined);
    await page.getByText('Collected by the clinic').waitFor();
  });

  it('says calmly that the clinic checks the record, claims no T and no "none", and goes on when that ends', async () => {
    await using portal = await PortalBrowser.open({ width: 360, height: 740, scheme: 'light' });
    const { fixture } = portal;
    fixture.frozen = true;
    fixture.sections['medications'] = { resources: [] };
    fixture.signIn();
    const page = await portal.page('/medications');
    await page.getByText('Your clinic is checking this record.').waitFor();
    await page.getByText('please call the clinic').waitFor();
    expect(await page.getByText('Up to date').count()).toBe(0);
    expect(await page.getByText('Your record has no medications.').count()).toBe(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await until(() => fixture.openStreams, 1);
    fixture.frozen = false;
    fixture.change('medications', { resources: [] });
    await page.getByText('Your record has no medications.').waitFor();
    await page.getByText('Up to date as of').waitFor();
  });

  it('never says "none" when it is out of date, and shows nothing it cannot confirm', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['medications'] = { resources: [] };
    delete fixture.sections['results'];
    fixture.currentAsOf = new Date(Date.now() - 2 * 3_600_000).toISOString();
    fixture.freshness = 'red';
    const page = await portal.page('/medications');
    await page.getByText('This does not mean there are none.').waitFor();
    await page.goto(`${fixture.origin}/#/results`);
    await page.getByText('We cannot show test results right now.').waitFor();
    await page.goto(`${fixture.origin}/#/profile`);
    await page.getByText('555-0144').waitFor();
    fixture.sectionProblem = { status: 503, code: 'replica-unverified' };
    fixture.ring('chart');
    await page.getByText('could not confirm that this information is genuine').waitFor();
    expect(await page.content()).not.toContain('555-0144');
  });
});

describe('what cannot be known', () => {
  it('is never told as "there is none", on any page', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.currentAsOf = new Date(Date.now() - 2 * 3_600_000).toISOString();
    fixture.freshness = 'red';
    fixture.sections['messages'] = { threads: [] };
    fixture.refusals.set(`charts/${PATIENT_REF}/own-copies`, { status: 500, code: 'unexpected' });
    const page = await portal.page('/');
    const card = (name: string): Locator =>
      page.locator('section').filter({ has: page.getByRole('heading', { name, exact: true }) });
    await card('Messages').getByText('there may be information we do not have').waitFor();
    await card('Under way').getByText('Something went wrong').waitFor();
    // The page asks by itself once more, when it begins to hear events.
    await until(() => fixture.seen.filter(({ path }) => path.endsWith('/own-copies')).length >= 2, true);
    fixture.refusals.clear();
    await card('Under way').getByRole('button', { name: 'Try again' }).click();
    await card('Under way').getByText('Nothing is waiting.').waitFor();
    await page.goto(`${fixture.origin}/#/messages/${'f'.repeat(32)}`);
    await page.getByText('We cannot show this conversation right now.').waitFor();
    const year = String(new Date().getUTCFullYear());
    await page.goto(`${fixture.origin}/#/results/${year}/gone`);
    await page.getByText('We cannot show this report right now.').waitFor();
  });

  it('makes no year that failed to load look like one without values', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const { years } = fixture.sections['results'] as { years: { section: string }[] };
    fixture.busySection = years.at(-1)?.section ?? '';
    const page = await portal.page('/results');
    await page.getByRole('link', { name: 'Basic metabolic panel' }).first().click();
    await page.getByText('Other values of this test').first().click();
    await page
      .getByText(/Some years are missing here|cannot show other values of this test/)
      .first()
      .waitFor();
    expect(await page.getByText('No other values of this test').count()).toBe(0);
  });

  it('is asked for again: the name of the clinic; until then times name the zone of the device', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.refusals.set('practice', { status: 503, code: 'busy' });
    const page = await portal.page(`/messages/${THREADS.answered}`);
    const heading = page.getByRole('article').first().getByRole('heading');
    await until(() => heading.innerText(), /E[SD]T/);
    fixture.refusals.clear();
    await until(() => page.title(), /Alder Lane Family Practice$/);
    expect(await heading.innerText()).not.toMatch(/E[SD]T/);
  });
});

describe('a message', () => {
  it('refused for a long time is told so and kept; the idle warning says that it would be lost', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    await portal.context.clock.install();
    const page = await portal.page('/messages/new');
    await page.getByLabel('Topic').selectOption('General');
    await page.getByLabel('Message', { exact: true }).fill('One more question');
    fixture.refusals.set(`charts/${PATIENT_REF}/messages`, { status: 429, code: 'too-many-tries', retryAfter: 18_000 });
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Your message was not sent').waitFor();
    await page.getByText('You can try again in 5 hours.').waitFor();
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('One more question');
    expect(await page.getByText('sent again by itself').count()).toBe(0);
    await page.clock.fastForward(14 * 60_000);
    await page.getByRole('dialog').getByText('It is lost when you are signed out.').waitFor();
  });

  it('whose answer is lost is sent again with the same key, is saved once, and keeps its text meanwhile', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/messages/new');
    await page.getByLabel('Topic').selectOption('Medication');
    await page.getByLabel('Message', { exact: true }).fill('Do I take this with food?');
    fixture.down = true;
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Your message is kept here').waitFor();
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('Do I take this with food?');
    fixture.loseNextAnswer = true;
    fixture.down = false;
    await page.getByRole('article').getByText('Do I take this with food?').waitFor({ timeout: 15_000 });
    const posts = fixture.seen.filter(({ method, path }) => method === 'POST' && path.endsWith('/messages'));
    expect(posts.length).toBeGreaterThanOrEqual(3);
    expect(new Set(posts.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(fixture.copies.length).toBe(1);
  });

  it('is kept as a draft while the person looks something up', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/messages/new');
    await page.getByLabel('Subject').fill('Tablets');
    await page.getByLabel('Message', { exact: true }).fill('About my tablets');
    await page.getByRole('link', { name: 'Record', exact: true }).click();
    await page.getByRole('link', { name: /^Medications/ }).click();
    await page.getByText('Lisinopril').waitFor();
    await page.goBack();
    await page.goBack();
    await until(() => page.getByLabel('Message', { exact: true }).inputValue(), 'About my tablets');
    await page.goto(`${portal.fixture.origin}/#/messages/${THREADS.answered}`);
    await page.getByText('Thank you, that helps.').waitFor();
    expect(await page.getByLabel('Your reply').inputValue()).toBe('');
  });

  it('that sounds urgent gets a notice and can still be sent; one that is too long cannot', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/messages/new');
    await page.getByLabel('Topic').selectOption('General');
    await page.getByLabel('Message', { exact: true }).fill('x'.repeat(20_001));
    await page.getByText('Please shorten your message by 1 character.').first().waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    expect(portal.fixture.copies).toEqual([]);
    await page.getByLabel('Message', { exact: true }).fill('I can’t breathe well since this morning');
    await page.getByText('call 911 now').waitFor();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('article').getByText('I can’t breathe').waitFor();
    expect(portal.fixture.copies.length).toBe(1);
  });
});

describe('the access history', () => {
  it('says what was done, when and from where, puts one visit together, and names what it does not know', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.accesses = [
      access({ at: '2026-11-03T02:10:00.000Z', action: 'sign-out', recordClass: null }),
      access({ at: '2026-11-03T02:03:00.000Z', recordClass: 'medications', thisSession: true }),
      access({ at: '2026-11-03T02:00:00.000Z', recordClass: 'results', thisSession: true }),
      access({ at: '2026-11-02T15:00:00.000Z', who: 'another', address: null, recordClass: 'billing' }),
      access({
        at: '2026-11-02T14:00:00.000Z',
        action: 'sign-in-password',
        outcome: 'failed',
        address: '198.51.100.9',
      }),
      access({ at: '2026-11-02T13:00:00.000Z', action: 'sent-by-carrier-pigeon', recordClass: null }),
      access({ at: '2026-11-02T12:31:00.000Z', action: 'sign-in' }),
      access({ at: '2026-11-02T12:30:00.000Z', action: 'sign-in-password' }),
      access({ at: '2026-11-02T12:00:00.000Z', action: 'sign-in-password', address: '203.0.113.5' }),
    ];
    const page = await portal.page('/profile');
    await page.getByRole('link', { name: 'See who looked at your record' }).click();
    const line = (words: string): Locator => page.getByRole('listitem').filter({ hasText: words });
    await page.getByRole('heading', { name: 'November 2, 2026' }).waitFor();
    // By the clinic's clock both are of one day.
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual(['November 2, 2026']);
    expect(await page.getByRole('listitem').filter({ hasText: 'Looked at the health record' }).count()).toBe(2);
    const look = line('This sign-in');
    await look.getByText('Test results, Medications').waitFor();
    await look.getByText(/^9:00\sPM – 9:03\sPM, from 192\.0\.2\.7$/).waitFor();
    await line('Another person with access').getByText('Bills and payments').waitFor();
    await line('Sign-in stopped at the password').getByText('from 198.51.100.9').waitFor();
    await line('Other access (sent-by-carrier-pigeon)').waitFor();
    await line('Password accepted, sign-in not finished').getByText('from 203.0.113.5').waitFor();
    await page.getByText('in the clinic’s time zone, America/New_York').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('names the documents that were opened, once each, as long as they are in the list', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const opened = (minute: string, documentId: string, changes: Partial<AccessEntryView> = {}): AccessEntryView =>
      access({ at: `2026-11-03T10:${minute}:00.000Z`, action: 'document-view', documentId, ...changes });
    const lists = (): number => fixture.seen.filter(({ path }) => path.endsWith('/sections/documents')).length;
    fixture.accesses = [
      opened('50', 'letter-1', { action: 'document-download' }),
      opened('32', 'letter-2'),
      opened('31', 'not-in-the-list'),
      opened('30', 'letter-0'),
      opened('29', 'letter-0'),
      access({ at: '2026-11-03T09:00:00.000Z', action: 'sign-in' }),
    ];
    fixture.sections['documents'] = manyDocuments(3);
    const page = await portal.page('/profile/access-history');
    const line = (words: string): Locator => page.getByRole('listitem').filter({ hasText: words });
    await line('Opened a document').getByText('Letter 0, Letter 2', { exact: true }).waitFor();
    await line('Opened a document').getByText('4 times').waitFor();
    await line('Downloaded a document').getByText('Letter 1', { exact: true }).waitFor();
    expect(lists()).toBe(1);
    fixture.accesses = fixture.accesses.slice(-1);
    await page.reload();
    await line('Signed in').waitFor();
    expect(lists()).toBe(1);
    fixture.accesses = [opened('30', 'letter-0')];
    fixture.sectionProblem = { status: 503, code: 'replica-unverified' };
    await page.reload();
    await line('Opened a document')
      .getByText(/from 192\.0\.2\.7/)
      .waitFor();
    await until(lists, 2);
    expect(await page.content()).not.toContain('Letter');
    expect(portal.complaints).toEqual([]);
  });

  it('brings earlier entries when asked, moves the focus to them, and keeps what it has when that fails', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.accesses = accesses(30);
    const page = await portal.page('/profile/access-history');
    const lines = page.locator('main').getByRole('listitem');
    await until(() => lines.count(), 20);
    expect(fixture.seen.find(({ path }) => path === '/api/access-history')?.userAct).toBe(true);
    fixture.refusals.set('access-history', { status: 503, code: 'busy' });
    await page.getByRole('button', { name: 'Show earlier' }).click();
    await page.getByRole('alert').getByText('busy').waitFor();
    expect(await lines.count()).toBe(20);
    fixture.refusals.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await until(() => lines.count(), 30);
    await until(() => lines.nth(20).evaluate((item) => item === document.activeElement), true);
    await page.getByText('This is the beginning of your access history.').waitFor();
    fixture.refusals.set('access-history', { status: 503, code: 'busy' });
    await page.reload();
    await page.getByRole('alert').getByText('busy').waitFor();
    fixture.refusals.clear();
    fixture.accesses = [];
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Nothing has been written down yet.').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('asks once when pressed twice, and leaves the focus on the last line when that line has only grown', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const first = accesses(20);
    const oldest = first.at(-1);
    fixture.accesses = [
      ...first,
      access({ ...oldest, at: new Date(Date.parse(oldest?.at ?? '') - 60_000).toISOString() }),
    ];
    const page = await portal.page('/profile/access-history');
    const lines = page.locator('main').getByRole('listitem');
    await until(() => lines.count(), 20);
    const said = await saidAloud(page);
    await page.getByRole('button', { name: 'Show earlier' }).evaluate((button: HTMLElement) => {
      button.click();
      button.click();
    });
    await page.getByText('This is the beginning of your access history.').waitFor();
    await until(() => lines.nth(19).evaluate((item) => item === document.activeElement), true);
    expect(await lines.count()).toBe(20);
    expect((await said.jsonValue()).filter((words) => words.includes('earlier'))).toHaveLength(1);
    expect(portal.complaints).toEqual([]);
  });
});
