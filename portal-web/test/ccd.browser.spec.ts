import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { CCD_FILE, CCD_ID, CCD_NAME, ccdEntry, documentsWith } from './fixture-ccd.js';
import { PATIENT_REF } from './fixture-chart.js';
import type { FixturePortal, SeenRequest } from './fixture-portal.js';
import { closeChromium, PortalBrowser, until } from './portal-browser.js';

jest.setTimeout(60_000);
afterAll(closeChromium);

const ASK = 'Ask for the file';
const OFFERED = documentsWith({ ccd: 'offered' });
const DAYS = { from: '2025-01-01', to: null };

const asked = (fixture: FixturePortal): SeenRequest[] =>
  fixture.seen.filter(({ path }) => path.endsWith('/ccd-requests'));

/** The download page with the C-CDA chosen, from the first day of 2025 on. */
async function chosen(portal: PortalBrowser): Promise<Page> {
  portal.fixture.signIn();
  portal.fixture.sections['documents'] = OFFERED;
  const page = await portal.page('/record/download');
  await page.getByLabel('C-CDA').check();
  await page.getByLabel('Only certain days').check();
  await page.getByLabel('First day').fill('2025-01-01');
  return page;
}

/** The chart answers the newest request, so that it is no longer on its way. @param reason of the refusal */
function answered(fixture: FixturePortal, at: string, reason: string | null): void {
  const [newest] = fixture.receipts;
  fixture.receipts = fixture.receipts.map((receipt) => ({ ...receipt, state: 'collected' }));
  fixture.ccdRequests = [];
  const state = reason === null ? 'in-chart' : 'refused';
  fixture.changeSilently('receipts', {
    receipts: [{ submissionId: newest?.submissionId, kind: 'ccd-request', state, at, reason }],
  });
}

/** The list of documents is what came of the newest request. */
function settle(
  fixture: FixturePortal,
  state: 'waiting' | 'held' | 'too-large',
  requestedAt: string,
  id = CCD_ID,
): void {
  answered(fixture, requestedAt, null);
  fixture.change('documents', documentsWith({ ccd: 'offered', entry: ccdEntry(requestedAt, DAYS, id), state }));
}

function refuse(fixture: FixturePortal, reason: string, ccd?: 'offered' | 'held-back'): void {
  answered(fixture, new Date().toISOString(), reason);
  fixture.change('documents', documentsWith(ccd === undefined ? {} : { ccd }));
}

const live = (page: Page, words: RegExp): Promise<void> =>
  until(() => page.locator('[aria-live=polite]').textContent(), words);

describe('a C-CDA of the record', () => {
  it('is asked for with the keyboard, is told where it is, and is saved when it has come', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['documents'] = OFFERED;
    const page = await portal.page('/record/download');
    await page.getByText('There is none at the moment.').waitFor();
    await page.getByLabel('PDF').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await page.getByLabel('C-CDA').isChecked()).toBe(true);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    expect(await page.getByLabel('Only certain days').isChecked()).toBe(true);
    await page.getByText('Your clinic’s system decides what belongs to these days.').waitFor();
    await page.getByRole('button', { name: ASK }).press('Enter');
    await until(() => page.locator('form .field-error').textContent(), 'Choose a first day, a last day, or both.');
    expect(asked(fixture)).toEqual([]);
    await page.getByLabel('First day').fill('2025-01-01');
    await page.getByRole('button', { name: ASK }).press('Enter');
    await page.locator('form').getByText('It appears below and under Documents.').waitFor();
    await live(page, /Your clinic’s system makes the file/);
    const request = page.locator('section').filter({ hasText: 'Your C-CDA file' });
    await request.getByText('The clinic collects it in a moment.').waitFor();
    await request.getByText('Days: From Jan 1, 2025 on').waitFor();
    await page.getByText('A file for these days has been asked for already.').waitFor();
    const button = page.getByRole('button', { name: ASK });
    expect(await button.getAttribute('aria-disabled')).toBe('true');
    await button.press('Enter');
    await live(page, /has been asked for already/);
    expect(asked(fixture)).toMatchObject([{ body: DAYS, userAct: true, idempotencyKey: expect.any(String) }]);
    expect(fixture.seen.filter(({ path }) => path.endsWith('/downloads'))).toEqual([]);
    expect(await page.evaluate(() => document.activeElement?.textContent.trim())).toBe(ASK);

    await page.goto(`${fixture.origin}/#/`);
    await page.getByText(/^From Jan 1, 2025 on · .* · Saved. The clinic collects it in a moment.$/).waitFor();
    await page.getByRole('link', { name: 'Your record as a C-CDA file' }).press('Enter');
    await page.getByText('Your request is saved').waitFor();

    const requestedAt = new Date().toISOString();
    settle(fixture, 'waiting', requestedAt);
    await page.getByText('Your clinic’s system is making this file.').waitFor();
    await page.getByText('Your request is saved').waitFor({ state: 'detached' });
    expect(await page.getByRole('link', { name: 'Save the C-CDA file' }).count()).toBe(0);
    await page.goto(`${fixture.origin}/#/`);
    await page.getByText(/^From Jan 1, 2025 on · .* · Your clinic’s system is making it.$/).waitFor();
    await page.getByRole('link', { name: 'Your record as a C-CDA file' }).press('Enter');
    await page.getByText('Your clinic’s system is making this file.').waitFor();
    fixture.files.set(CCD_ID, { name: CCD_NAME, content: CCD_FILE });
    settle(fixture, 'held', requestedAt);
    await page.getByText('Jan 1, 2025 on').waitFor();
    await live(page, /Your C-CDA file is ready/);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Save the C-CDA file' }).press('Enter'),
    ]);
    expect(download.suggestedFilename()).toBe(CCD_NAME);
    expect(await readFile(await download.path(), 'utf8')).toBe(CCD_FILE);
    expect(fixture.seen.at(-1)?.path).toBe(`/api/charts/${PATIENT_REF}/documents/${CCD_ID}`);

    await page.goto(`${fixture.origin}/#/`);
    await page.getByText('Nothing is waiting.').waitFor();
    await page.goto(`${fixture.origin}/#/record/documents`);
    const card = page.getByRole('article').filter({ hasText: 'Clinical summary (C-CDA)' });
    await card.getByText(/^From Jan 1, 2025 on · asked for on .* · XML · \d+ B$/).waitFor();
    await card.getByRole('link', { name: 'Save' }).waitFor();
    expect(await card.getByRole('link').count()).toBe(1);
    expect(portal.complaints).toEqual([]);
  });

  it('says what came of it once the next file is there, not of the one that was there before', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const at = new Date().toISOString();
    const page = await chosen(portal);
    fixture.change('documents', documentsWith({ ccd: 'offered', entry: ccdEntry(at), state: 'held' }));
    await page.getByText('A new one takes the place of the file below.').waitFor();
    await page.getByRole('button', { name: ASK }).click();
    const notice = page.locator('form').getByText('It appears below and under Documents.');
    await notice.waitFor();
    answered(fixture, at, null);
    fixture.ring('receipt');
    await page.getByText('Your request is saved').waitFor({ state: 'detached' });
    expect(await notice.count()).toBe(1);
    // Made so soon that this page never saw it being made.
    settle(fixture, 'held', at, 'c2cd'.repeat(8));
    await notice.waitFor({ state: 'detached' });
    await live(page, /Your C-CDA file is ready/);

    await page.getByRole('button', { name: ASK }).click();
    await notice.waitFor();
    settle(fixture, 'too-large', at, 'c3cd'.repeat(8));
    await notice.waitFor({ state: 'detached' });
    await live(page, /It is too large/);
    await page.getByRole('button', { name: ASK }).click();
    await notice.waitFor();
    refuse(fixture, 'ccd-held-back', 'offered');
    await notice.waitFor({ state: 'detached' });
    await live(page, /made no file for your request.*could not leave out/);
    await page.getByText('There is none at the moment.').waitFor();
    expect(await page.locator('#main').getByText('made no file for your request').count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });

  it('is no choice any more once the practice offers it no more, and the files made on the device stay', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const page = await chosen(portal);
    await page.getByRole('button', { name: ASK }).waitFor();
    expect(await page.getByText('made on this device').count()).toBe(0);
    expect(await page.getByText('The files of documents are not in it').count()).toBe(0);
    fixture.change('documents', documentsWith({}));
    await page.getByText('made on this device').waitFor();
    await page.getByText('The files of documents are not in it').waitFor();
    expect(await page.getByRole('radio', { name: /PDF|FHIR/ }).count()).toBe(2);
    expect(await page.getByLabel('PDF').isChecked()).toBe(true);
    expect(await page.locator('#main').textContent()).not.toContain('C-CDA');
    expect(portal.complaints).toEqual([]);
  });

  it('cannot be chosen while something is kept back; what was chosen before becomes a file of the device for good', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const page = await chosen(portal);
    await page.getByRole('button', { name: ASK }).waitFor();
    fixture.change('documents', documentsWith({ ccd: 'held-back' }));
    await page.locator('form').getByText('Not possible for now. The clinic’s system could not leave out').waitFor();
    await page.getByText('There is none. The clinic’s system could not leave out').waitFor();
    expect(await page.getByRole('link', { name: 'Choose when new results appear' }).count()).toBe(0);
    expect(await page.getByLabel('C-CDA').isDisabled()).toBe(true);
    expect(await page.getByLabel('PDF').isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Make the file' }).waitFor();
    fixture.change('results', { ...(fixture.sections['results'] as object), wish: { waiting: [] } });
    await page.getByRole('link', { name: 'Choose when new results appear' }).waitFor();
    fixture.change('documents', OFFERED);
    await page.getByText('Not possible for now').waitFor({ state: 'detached' });
    await until(() => page.getByLabel('C-CDA').isDisabled(), false);
    expect(await page.getByLabel('PDF').isChecked()).toBe(true);
    expect(asked(fixture)).toEqual([]);
    expect(portal.complaints).toEqual([]);
  });

  it('is promised for no time, and not called none, while the clinic is not heard or the page does not know', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.receipts = [
      { submissionId: randomUUID(), kind: 'ccd-request', state: 'collected', at: new Date().toISOString() },
    ];
    fixture.sections['documents'] = OFFERED;
    fixture.busySection = 'documents';
    const page = await portal.page();
    await page.getByText('We could not check what is on its way.').waitFor();
    await page.goto(`${fixture.origin}/#/record/download`);
    await page.locator('section').filter({ hasText: 'Your C-CDA file' }).getByRole('alert').waitFor();
    expect(await page.getByText('There is none').count()).toBe(0);
    fixture.busySection = null;
    fixture.refusals.set(`charts/${PATIENT_REF}/own-copies`, { status: 503, code: 'busy' });
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('There is none at the moment.').waitFor();
    fixture.ring('receipt');
    await page.getByText('We could not check whether a file has been asked for.').waitFor();
    fixture.refusals.clear();
    fixture.ring('receipt');
    await page.getByText('There is none at the moment.').waitFor();

    const entry = ccdEntry(new Date().toISOString());
    fixture.frozen = true;
    fixture.change('documents', documentsWith({ ccd: 'offered', entry }));
    await page.getByText('Was being made when the clinic was last heard.').waitFor();
    expect(await page.getByText('usually in some minutes').count()).toBe(0);
    for (const path of ['/', '/record/documents']) {
      await page.goto(`${fixture.origin}/#${path}`);
      await page.getByText('Was being made when the clinic was last heard.').waitFor();
    }
    expect(portal.complaints).toEqual([]);
  });

  it('is not asked for by somebody who may not send anything, and the one that is there can be saved', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const { session } = fixture;
    if (session !== null) {
      fixture.session = { ...session, patients: session.patients.map((each) => ({ ...each, scopes: [] })) };
    }
    const entry = ccdEntry(new Date().toISOString());
    fixture.sections['documents'] = documentsWith({ ccd: 'offered', entry, state: 'held' });
    const page = await portal.page('/record/download');
    await page.getByText('Your access does not include asking for this file.').waitFor();
    expect(await page.getByLabel('C-CDA').isDisabled()).toBe(true);
    await page.getByRole('link', { name: 'Save the C-CDA file' }).waitFor();
  });

  it('that could not be asked for keeps what was chosen and its key; one that was saved all the same is asked for once', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const page = await chosen(portal);
    const path = `charts/${PATIENT_REF}/ccd-requests`;
    fixture.refusals.set(path, { status: 503, code: 'clinic-catching-up' });
    await page.getByRole('button', { name: ASK }).click();
    await page.getByRole('alert').getByText('The portal is being restored').waitFor();
    expect(await page.getByLabel('C-CDA').isChecked()).toBe(true);
    expect(await page.getByLabel('First day').inputValue()).toBe('2025-01-01');
    fixture.refusals.delete(path);
    fixture.loseNextAnswer = true;
    await page.getByRole('button', { name: ASK }).click();
    await page.getByRole('alert').getByText('No connection.').waitFor();
    await page.getByRole('button', { name: ASK }).click();
    await page.getByText('Your request is saved').waitFor();
    const keys = asked(fixture).map(({ idempotencyKey }) => idempotencyKey);
    expect([keys.length, new Set(keys).size, fixture.receipts.length]).toEqual([3, 1, 1]);

    // News that the lost one was saved, and its file: asking again for the same days is a new request then.
    await page.getByLabel('Last day').fill('2025-12-31');
    fixture.loseNextAnswer = true;
    await page.getByRole('button', { name: ASK }).click();
    await page.getByRole('alert').getByText('No connection.').waitFor();
    fixture.ring('receipt');
    await page.getByRole('alert').getByText('No connection.').waitFor({ state: 'detached' });
    await page.getByText('A file for these days has been asked for already.').waitFor();
    settle(fixture, 'held', new Date().toISOString());
    await page.getByRole('link', { name: 'Save the C-CDA file' }).waitFor();
    await page.getByRole('button', { name: ASK }).click();
    await until(() => fixture.receipts.length, 3);
    expect(new Set(asked(fixture).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3);
    expect(portal.complaints).toEqual([]);
  });

  it('says why there is none: the file is too large, or the practice’s system made none', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    const page = await chosen(portal);
    await page.getByRole('button', { name: ASK }).click();
    await page.getByText('Your request is saved').waitFor();
    settle(fixture, 'too-large', new Date().toISOString());
    await page.locator('#main').getByText('It is too large to be saved here.').waitFor();
    refuse(fixture, 'ccd-held-back', 'held-back');
    await page
      .locator('#main')
      .getByText(/made no file for your request .* could not leave out/)
      .waitFor();
    refuse(fixture, 'ccd-not-offered');
    await page
      .locator('#main')
      .getByText(/made no file for your request .* Your clinic does not offer this file/)
      .waitFor();
    expect(await page.getByText('There is none at the moment.').count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });
});
