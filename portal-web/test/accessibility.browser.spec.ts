import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ccdEntry, documentsWith } from './fixture-ccd.js';
import { THREADS } from './fixture-chart.js';
import { accesses } from './fixture-accesses.js';
import { longAccount, longThread, manyThreads } from './fixture-long.js';
import { FIXTURE } from './fixture-portal.js';
import { closeChromium, PortalBrowser } from './portal-browser.js';

jest.setTimeout(300_000);
afterAll(closeChromium);

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}

/** Serious and critical findings of WCAG 2.2 A and AA and of axe's best practices, one line each. */
async function findings(page: Page): Promise<string[]> {
  // As the debugger would: the page's own policy rightly refuses injected scripts.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
    return (await axe.run()).violations;
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/**
 * Two frames: what a new size or colour scheme changes is drawn. Chromium without a screen may draw none for a page that
 * does not move; then it is laid out when it is looked at.
 */
async function settled(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        requestAnimationFrame(() => requestAnimationFrame(resolve));
        setTimeout(resolve, 2_000);
      }),
  );
}

async function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Opens every page in turn and calls `visit` on each. */
async function eachPage(portal: PortalBrowser, visit: (name: string, page: Page) => Promise<void>): Promise<void> {
  const { fixture } = portal;
  let page = await portal.page('/sign-in');
  await visit('sign in', page);
  await page.getByLabel('Sign-in name').fill(FIXTURE.name);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('is not right').waitFor();
  await visit('sign in, refused', page);
  await page.getByLabel('Password', { exact: true }).fill(FIXTURE.password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Six-digit code').waitFor();
  await visit('sign in, code', page);
  await page.close();

  page = await portal.page('/join');
  await page.getByRole('button', { name: 'Check code' }).click();
  await visit('join, code', page);
  await page.getByLabel('Invitation code').fill(FIXTURE.invite);
  await page.getByRole('button', { name: 'Check code' }).click();
  await page.getByLabel('Sign-in name').fill(FIXTURE.name);
  await page.getByRole('button', { name: 'Continue' }).click();
  await visit('join, account', page);
  await page.getByLabel('Password', { exact: true }).fill(FIXTURE.password);
  await page.getByLabel('Month').fill('4');
  await page.getByLabel('Day').fill('23');
  await page.getByLabel('Year').fill('1980');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Code from the app').waitFor();
  await visit('join, authenticator', page);
  await page.getByLabel('Code from the app').fill(FIXTURE.totp);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Checking with the clinic' }).waitFor();
  await visit('checking', page);
  fixture.decide('wrong-date', 2);
  await page.getByRole('heading', { name: 'does not match' }).waitFor();
  await visit('wrong date', page);
  fixture.decide('void', 0);
  await page.getByRole('heading', { name: 'no longer valid' }).waitFor();
  await visit('invitation void', page);
  fixture.decide('accepted');
  await page.getByText('3 active medications').waitFor();
  await visit('home', page);

  const open = async (path: string, ready: string): Promise<void> => {
    await page.goto(`${fixture.origin}/#${path}`);
    await page.getByText(ready).first().waitFor();
  };
  await open('/medications', 'Lisinopril');
  await page.getByText('Stopped and finished').click();
  await visit('medications', page);
  await open('/results', 'Lipid panel');
  await visit('results', page);
  await page.getByRole('link', { name: 'Basic metabolic panel' }).first().click();
  await page.getByText('Other values of this test').first().click();
  await page.getByRole('link', { name: /May 4/ }).first().waitFor();
  await visit('report', page);
  for (const [path, ready] of RECORD_PAGES) {
    await open(path, ready);
    await openDetails(page);
    await visit(path, page);
  }
  await open('/record/download', 'Only certain days');
  await page.getByLabel('Only certain days').check();
  await page.getByRole('button', { name: 'Make the file' }).click();
  await page.locator('form .field-error').waitFor();
  await visit('download, some days', page);
  await visitCcd(portal, page, visit);
  await open('/messages', 'Your potassium result');
  await visit('messages', page);
  await open(`/messages/${THREADS.answered}`, 'Thank you, that helps.');
  await page.getByLabel('Your reply').fill('And with ibuprofen?');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Saved. The clinic').waitFor();
  await visit('conversation', page);
  await open('/messages/new', 'Not for emergencies');
  await page.getByLabel('Message', { exact: true }).fill('I have chest pain.');
  await page.getByRole('button', { name: 'Send' }).click();
  await visit('new message', page);
  await visitLong(portal, page, visit);
  await open('/profile', 'Alder Lane, Apt 3B'.split(',')[0] ?? '');
  await visit('profile', page);
  const index = fixture.sections['results'] as object;
  const since = new Date(Date.now() - 26 * 3_600_000).toISOString();
  fixture.change('results', {
    ...index,
    wish: {
      waiting: [
        { id: 'w1', since },
        { id: 'w2', since },
      ],
    },
  });
  await open('/profile/new-results', '2 results wait');
  await page.getByLabel('Show them at once').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('On its way to the clinic').waitFor();
  await visit('when new results appear', page);
  await open('/results', '2 results wait');
  await visit('results that wait', page);
  fixture.change('results', index);
  fixture.wishes = [];
  fixture.accesses = accesses(30);
  await open('/profile/access-history', 'Show earlier');
  await visit('access history', page);
  fixture.currentAsOf = new Date(Date.now() - 3 * 3_600_000).toISOString();
  fixture.freshness = 'red';
  fixture.change('medications', { resources: [] });
  await open('/medications', 'Out of date');
  await visit('out of date', page);
  fixture.frozen = true;
  await page.reload();
  await page.getByText('Your clinic is checking this record.').waitFor();
  await visit('frozen', page);
  fixture.frozen = false;
  fixture.sectionProblem = { status: 503, code: 'replica-unverified' };
  await open('/results', 'could not confirm');
  await visit('unverified', page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  await visit('signed out', page);
}

/** The C-CDA being made, ready with the next one asked for, among the documents, and held back. */
async function visitCcd(
  { fixture }: PortalBrowser,
  page: Page,
  visit: (name: string, page: Page) => Promise<void>,
): Promise<void> {
  const entry = ccdEntry('2026-11-20T15:00:00Z', { from: '2025-01-01', to: '2025-12-31' });
  fixture.change('documents', documentsWith({ ccd: 'offered', entry }));
  await page.getByText('is making this file').waitFor();
  await visit('download, C-CDA being made', page);
  fixture.change('documents', documentsWith({ ccd: 'offered', entry, state: 'held' }));
  await page.getByRole('link', { name: 'Save the C-CDA file' }).waitFor();
  await page.getByLabel('Everything shared').check();
  await page.getByLabel('C-CDA').check();
  await page.getByRole('button', { name: 'Ask for the file' }).click();
  await page.getByText('Your request is saved').waitFor();
  await visit('download, C-CDA', page);
  await page.goto(`${fixture.origin}/#/record/documents`);
  await page.getByRole('heading', { name: 'Clinical summary (C-CDA)' }).waitFor();
  await visit('documents', page);
  fixture.ccdRequests = [];
  fixture.change('documents', documentsWith({ ccd: 'held-back' }));
  await page.goto(`${fixture.origin}/#/record/download`);
  await page.getByText('Not possible for now').waitFor();
  await visit('download, C-CDA held back', page);
}

/** What is drawn a portion at a time, with another one shown. */
async function visitLong(
  { fixture }: PortalBrowser,
  page: Page,
  visit: (name: string, page: Page) => Promise<void>,
): Promise<void> {
  const long: [path: string, section: string, content: object][] = [
    ['/messages', 'messages', manyThreads(2_000)],
    [`/messages/${THREADS.answered}`, `messages/${THREADS.answered}`, longThread(THREADS.answered, 700)],
    ['/record/billing', 'billing', longAccount(1, 1_000)],
  ];
  for (const [path, section, content] of long) {
    const before = fixture.sections[section];
    fixture.change(section, content);
    await page.goto(`${fixture.origin}/#${path}`);
    const control = page.getByRole('button', { name: /^Show 30 (more|earlier)$/, includeHidden: true });
    await control.waitFor({ state: 'attached' });
    await openDetails(page);
    await control.click();
    await page.getByText('Showing 60 of').last().waitFor();
    await visit(`${path}, long`, page);
    fixture.change(section, before);
  }
}

/** Every page of the record and a text that shows that it is there. */
const RECORD_PAGES: [string, string][] = [
  ['/record', 'on record'],
  ['/record/problems', 'Type 2 diabetes'],
  ['/record/allergies', 'Penicillin'],
  ['/record/immunizations', 'Tdap'],
  ['/record/immunizations/print', 'LOT-V1'],
  ['/record/vitals', 'Blood pressure'],
  ['/record/vitals/blood-pressure', 'Upper (systolic)'],
  ['/record/procedures', 'Electrocardiogram'],
  ['/record/devices', 'Cardiac pacemaker'],
  ['/record/care-team', 'Ingrid Lindqvist'],
  ['/record/care-plan', 'Walk 30 minutes'],
  ['/record/assessments', 'PHQ-2'],
  ['/record/social-history', 'Former smoker'],
  ['/record/notes', 'Everything as it should be'],
  ['/record/notes/n1', 'What we agreed'],
  ['/record/reports', 'Chest X-ray'],
  ['/record/reports/d1', 'No sign of pneumonia'],
  ['/record/coverage', 'Commonwealth Mutual'],
  ['/record/billing', '$1,135.50'],
  ['/record/practice', 'Answers portal messages'],
  ['/record/download', 'Only certain days'],
  ['/visits', 'Follow-up visit'],
  ['/visits/e1', 'Progress note'],
];

/** Unfolds everything on the page, so that what is folded is looked at too. */
async function openDetails(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) {
      details.open = true;
    }
  });
}

const LOOKS = [
  { label: 'phone, light', width: 360, height: 740, scheme: 'light' },
  { label: 'phone, dark', width: 360, height: 740, scheme: 'dark' },
  { label: 'desktop, light', width: 1280, height: 860, scheme: 'light' },
  { label: 'desktop, dark', width: 1280, height: 860, scheme: 'dark' },
] as const;

/** Controls smaller than 24 pixels in a direction; links within a sentence may be. */
async function smallControls(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('a, button, summary, input, select, textarea')]
      .filter((control) => !control.matches('.skip, p a, input[type=radio]') && control.checkVisibility())
      .map((control) => ({ words: control.textContent.trim(), box: control.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 24 || box.height < 24)
      .map(({ words, box }) => `${words} ${String(Math.round(box.width))}×${String(Math.round(box.height))}`),
  );
}

describe('every page', () => {
  it('has no serious finding in light and dark on phone and desktop, reflows at 320 pixels, and logs no error', async () => {
    await using portal = await PortalBrowser.open();
    const found: string[] = [];
    let pages = 0;
    await eachPage(portal, async (name, page) => {
      pages += 1;
      for (const look of LOOKS) {
        await page.setViewportSize(look);
        await page.emulateMedia({ colorScheme: look.scheme, reducedMotion: 'reduce' });
        await settled(page);
        found.push(...(await findings(page)).map((finding) => `${name}, ${look.label}: ${finding}`));
        found.push(...(await smallControls(page)).map((small) => `${name}, ${look.label}: small control ${small}`));
      }
      await page.setViewportSize({ width: 320, height: 640 });
      if ((await sidewaysScroll(page)) > 0) {
        found.push(`${name}: scrolls sideways at 320 pixels`);
      }
      await page.setViewportSize({ width: 390, height: 844 });
    });
    expect(found).toEqual([]);
    expect(pages).toBe(32 + RECORD_PAGES.length);
    expect(portal.complaints).toEqual([]);
  });

  it('is checked by tools that find planted faults', async () => {
    await using portal = await PortalBrowser.open();
    const page = await portal.page('/sign-in');
    await page.getByLabel('Sign-in name').waitFor();
    await page.evaluate(() => {
      const picture = document.createElement('img');
      picture.src = 'favicon.svg';
      const button = document.createElement('button');
      button.textContent = 'x';
      button.style.cssText = 'min-height: 0; height: 10px; padding: 0';
      document.querySelector('main')?.append(picture, button);
      document.body.style.minWidth = '3000px';
      setTimeout(() => {
        throw new Error('planted');
      });
    });
    expect((await findings(page)).join()).toContain('image-alt');
    expect((await smallControls(page)).join()).toContain('×10');
    expect(await sidewaysScroll(page)).toBeGreaterThan(0);
    expect(portal.complaints).toEqual(['planted']);
  });
});
