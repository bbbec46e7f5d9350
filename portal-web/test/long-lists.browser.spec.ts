import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { Locator, Page } from 'playwright-core';
import { mail, THREADS } from './fixture-chart.js';
import { longAccount, longThread, manyDocuments, manyThreads, threadIdOf } from './fixture-long.js';
import { closeChromium, PortalBrowser, until } from './portal-browser.js';

jest.setTimeout(180_000);
afterAll(closeChromium);

const focused = (page: Page): Promise<string> => page.evaluate(() => document.activeElement?.textContent.trim() ?? '');

/** Presses the control until it is gone; returns how many there are after each press. */
async function pressToTheEnd(control: Locator, drawn: Locator): Promise<number[]> {
  const counts: number[] = [];
  while ((await control.count()) > 0) {
    const before = await drawn.count();
    await control.press('Enter');
    await until(async () => (await drawn.count()) > before, true);
    counts.push(await drawn.count());
  }
  return counts;
}

/** As the browser does before it prints, whatever made it print. */
async function preparePrint(page: Page): Promise<void> {
  await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
}

const said = (page: Page): Promise<string> => page.locator('[aria-live=polite]').innerText();

describe('thousands of conversations', () => {
  it('come a portion at a time to their end, newest first; the focus is on the first new one, and it is said', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['messages'] = manyThreads(2_010);
    const page = await portal.page('/messages');
    const rows = page.locator('main li');
    await page.getByText('Showing 30 of 2,010').waitFor();
    expect(await rows.count()).toBe(30);
    await page.getByRole('button', { name: 'Show 30 more' }).press('Enter');
    await until(() => focused(page), /^Conversation 30\b/);
    await until(() => said(page), /Showing 60 of 2,010/);
    const counts = await pressToTheEnd(page.locator('main button', { hasText: /^\s*Show \d+ more\s*$/ }), rows);
    expect(counts).toEqual(Array.from({ length: 65 }, (_, place) => 90 + place * 30));
    await until(() => focused(page), /^Conversation 1980\b/);
    expect(await rows.last().innerText()).toContain('Conversation 2009');
    expect(portal.complaints).toEqual([]);
  });

  it('keep the focus where it is when a new one comes above it', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const { threads } = manyThreads(40) as { threads: object[] };
    fixture.sections['messages'] = { threads };
    const page = await portal.page('/messages');
    await page.getByRole('link', { name: 'Conversation 3', exact: true }).focus();
    const newest = {
      ...threads[0],
      threadId: 'ff'.repeat(16),
      subject: 'Just now',
      lastAt: '2026-02-01T00:00:00.000Z',
    };
    fixture.change('messages', { threads: [newest, ...threads] });
    await page.getByRole('link', { name: 'Just now' }).waitFor();
    expect(await focused(page)).toBe('Conversation 3');
    expect(await page.locator('main').getByRole('listitem').count()).toBe(30);
    expect(portal.complaints).toEqual([]);
  });

  it('print whole, and one that is not drawn opens at its address', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['messages'] = manyThreads(2_010);
    fixture.sections[`messages/${threadIdOf(1_999)}`] = longThread(threadIdOf(1_999), 2);
    const page = await portal.page('/messages');
    await page.getByText('Showing 30 of 2,010').waitFor();
    await preparePrint(page);
    expect(await page.locator('main').getByRole('listitem').count()).toBe(2_010);
    await page.goto(`${fixture.origin}/#/messages/${threadIdOf(1_999)}`);
    await page.getByText('Message number 1.').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('are drawn to the last when a few were printed and one more comes', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const [newest, ...threads] = (manyThreads(6) as { threads: object[] }).threads;
    fixture.sections['messages'] = { threads };
    const page = await portal.page('/messages');
    const rows = page.locator('main').getByRole('listitem');
    await until(() => rows.count(), 5);
    await preparePrint(page);
    fixture.change('messages', { threads: [newest, ...threads] });
    await until(() => rows.count(), 6);
    expect(await page.getByRole('button', { name: /^Show / }).count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });

  it('have no control when they are few', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['messages'] = manyThreads(30);
    fixture.sections[`messages/${threadIdOf(0)}`] = longThread(threadIdOf(0), 30);
    const page = await portal.page('/messages');
    await until(() => page.locator('main').getByRole('listitem').count(), 30);
    const controls = page.getByRole('button', { name: /^Show / });
    expect(await controls.count()).toBe(0);
    await page.getByRole('link', { name: 'Conversation 0', exact: true }).click();
    await page.getByText('Message number 29.').waitFor();
    expect(await page.getByRole('article').count()).toBe(30);
    expect(await controls.count()).toBe(0);
    expect(await page.evaluate(() => scrollY)).toBe(0);
  });
});

describe('a conversation of many hundreds of messages', () => {
  const open = async (portal: PortalBrowser, from: string): Promise<Page> => {
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections[`messages/${THREADS.answered}`] = longThread(THREADS.answered, 725);
    return portal.page(from);
  };
  const newest = (page: Page): Locator => page.getByText('Message number 724.');

  it.each([
    ['its address', `/messages/${THREADS.answered}`],
    ['the list', '/messages'],
  ])('opens at the newest from %s, with the reply at once and one portion drawn', async (_where, from) => {
    await using portal = await PortalBrowser.open();
    const page = await open(portal, from);
    if (from === '/messages') {
      await page.getByRole('link', { name: 'Question about the new tablets' }).click();
    }
    await newest(page).waitFor();
    expect(await page.getByRole('article').count()).toBe(30);
    const inView = (locator: Locator): Promise<boolean> =>
      locator.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      });
    await until(() => inView(newest(page)), true);
    await until(() => inView(page.getByLabel('Your reply')), true);
    // From the heading: the control, then the reply.
    await page.getByRole('heading', { level: 1 }).focus();
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Show 30 earlier');
    await page.keyboard.press('Tab');
    expect(await page.getByLabel('Your reply').evaluate((field) => field === document.activeElement)).toBe(true);
    expect(portal.complaints).toEqual([]);
  });

  it('shows earlier ones when asked, to the first; the focus is on the one before those read, and it is said', async () => {
    await using portal = await PortalBrowser.open();
    const page = await open(portal, `/messages/${THREADS.answered}`);
    const messages = page.locator('main article');
    await page.getByText('Showing 30 of 725').waitFor();
    expect(await messages.first().innerText()).toContain('Message number 695.');
    await page.getByRole('button', { name: 'Show 30 earlier' }).press('Enter');
    await until(() => focused(page), /Message number 694\./);
    await until(() => said(page), /Showing 60 of 725/);
    await page.getByRole('button', { name: 'Show 30 earlier' }).waitFor();
    const counts = await pressToTheEnd(page.locator('main button', { hasText: /^\s*Show \d+ earlier\s*$/ }), messages);
    expect(counts.at(-2)).toBe(720);
    expect(counts.at(-1)).toBe(725);
    await until(() => focused(page), /Message number 4\./);
    expect(await messages.first().innerText()).toContain('Message number 0.');
    expect(portal.complaints).toEqual([]);
  });

  it('keeps what is drawn when more come, and the line below what was sent', async () => {
    await using portal = await PortalBrowser.open();
    const page = await open(portal, `/messages/${THREADS.answered}`);
    const { fixture } = portal;
    const messages = page.locator('main article');
    await newest(page).waitFor();
    await page.getByLabel('Your reply').fill('One more question.');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Saved. The clinic').waitFor();
    expect(await messages.count()).toBe(31);
    // Not answered yet: 721 to 724 and the new one. What was answered needs no such line.
    await until(() => page.getByText('Status:').count(), 5);
    const thread = longThread(THREADS.answered, 725);
    const answer = mail('long-answer', 'practice', 'Nora Greene, MD', new Date().toISOString(), 'Yes.', null);
    fixture.change(`messages/${THREADS.answered}`, { ...thread, messages: [...thread.messages, answer] });
    await page.getByText('Yes.', { exact: true }).waitFor();
    expect(await messages.count()).toBe(32);
    expect(await messages.first().innerText()).toContain('Message number 695.');
    expect(portal.complaints).toEqual([]);
  });

  it('prints whole', async () => {
    await using portal = await PortalBrowser.open();
    const page = await open(portal, `/messages/${THREADS.answered}`);
    await newest(page).waitFor();
    await preparePrint(page);
    expect(await page.getByRole('article').count()).toBe(725);
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByText('Message number 0.').isVisible()).toBe(true);
    expect(await page.getByRole('button', { name: /^Show/ }).count()).toBe(0);
  });
});

describe('hundreds of documents', () => {
  it('come a portion at a time, with the focus on the first new one, and print whole', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['documents'] = manyDocuments(320);
    const page = await portal.page('/record/documents');
    await page.getByText('Showing 50 of 320').waitFor();
    await page.getByRole('button', { name: 'Show 50 more' }).press('Enter');
    await until(() => focused(page), /^Letter 50\b/);
    expect(await page.locator('main article').count()).toBe(100);
    await preparePrint(page);
    expect(await page.locator('main article').count()).toBe(320);
    expect(portal.complaints).toEqual([]);
  });
});

describe('a statement with thousands of lines', () => {
  it('comes a portion at a time to its end; its sum stands below all lines or not at all', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['billing'] = longAccount(2, 1_000);
    const page = await portal.page('/record/billing');
    const bill = page.getByRole('article').filter({ hasText: 'Visit on Jan 1, 2026' });
    await bill.getByText('Services and payments').first().click();
    await bill.getByText('Showing 30 of 2,000').waitFor();
    const lines = page.locator('main article').first().locator('tbody tr');
    expect(await lines.count()).toBe(30);
    expect(await bill.locator('tfoot').count()).toBe(0);
    await bill.getByRole('button', { name: 'Show 30 more' }).press('Enter');
    await until(() => focused(page), /^Service 30 of visit-0/);
    await until(() => said(page), /Showing 60 of 2,000/);
    const counts = await pressToTheEnd(bill.locator('button', { hasText: /^\s*Show \d+ more\s*$/ }), lines);
    expect(counts.slice(-2)).toEqual([1_980, 2_000]);
    await until(() => focused(page), /^Paid by you.*-\$1\.00$/s);
    expect(await bill.locator('tfoot').innerText()).toMatch(/\$1,000\.00/);
    const short = page.getByRole('article').filter({ hasText: 'Visit on Dec 31, 2025' });
    await short.getByText('Services and payments').first().click();
    expect(await short.getByRole('row').count()).toBe(6);
    expect(await short.getByRole('button', { name: /^Show / }).count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });

  it('prints whole, as do bills that are drawn for the print only', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['billing'] = longAccount(40, 100);
    const { statements } = fixture.sections['billing'] as { statements: object[] };
    statements.reverse();
    const page = await portal.page('/record/billing');
    await page.getByText('Showing 30 of 40').waitFor();
    await preparePrint(page);
    await page.emulateMedia({ media: 'print' });
    for (const words of ['Service 0 of visit-39', 'Service 1 of visit-3', 'Service 99 of visit-0']) {
      expect(await page.getByText(words, { exact: true }).isVisible()).toBe(true);
    }
    expect(await page.locator('tbody tr').count()).toBe(39 * 4 + 200);
    expect(portal.complaints).toEqual([]);
  });
});
