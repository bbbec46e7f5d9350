import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import type { Locator, Page } from 'playwright-core';
import { documentsWith } from './fixture-ccd.js';
import { PATIENT_REF } from './fixture-chart.js';
import { ENDLESS } from './fixture-people.js';
import { closeChromium, PortalBrowser, until } from './portal-browser.js';

jest.setTimeout(90_000);
afterAll(closeChromium);

async function goTo(portal: PortalBrowser, page: Page, path: string): Promise<void> {
  await page.goto(`${portal.fixture.origin}/#${path}`);
}

const note = (place: number): object => ({
  resourceType: 'DocumentReference',
  id: `many-${String(place)}`,
  status: 'current',
  type: { text: `Note number ${String(place)}` },
  date: new Date(Date.UTC(2026, 0, 1) - place * 86_400_000).toISOString(),
  content: [{ attachment: { contentType: 'text/plain', data: Buffer.from('Short.').toString('base64') } }],
});

describe('a part of the record', () => {
  it('that the clinic does not send is never called empty, and is not asked for from the overview', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    delete fixture.sections['allergies'];
    delete fixture.sections['appointments'];
    const page = await portal.page('/record');
    await page
      .getByRole('link', { name: /^Allergies/ })
      .getByText('Not sent by your clinic')
      .waitFor();
    await page
      .getByRole('link', { name: /^Health problems/ })
      .getByText('5 active')
      .waitFor();
    expect(fixture.seen.filter(({ path }) => path.endsWith('/sections/allergies'))).toEqual([]);
    await goTo(portal, page, '/record/allergies');
    await page.getByText('does not send this part of your record').waitFor();
    await goTo(portal, page, '/visits');
    await page.getByText('does not send this part of your record').waitFor();
    await goTo(portal, page, '/');
    await page.getByText('Your clinic does not send this to the portal.').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('from which an entry was withdrawn shows a notice in its place, on its own page too, and never says empty', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const sign = (resourceType: string, id: string): object => ({
      ...{ resourceType, id, meta: { security: [{ code: 'REDACTED' }] } },
    });
    fixture.sections['allergies'] = { resources: [sign('AllergyIntolerance', 'gone')] };
    fixture.sections['notes'] = { resources: [sign('DocumentReference', 'taken'), note(1)] };
    const page = await portal.page('/record');
    await page
      .getByRole('link', { name: /^Allergies/ })
      .getByText('1 withdrawn for correction')
      .waitFor();
    const notice = page.getByRole('article').filter({ hasText: 'Withdrawn for correction' });
    await goTo(portal, page, '/record/allergies');
    await notice.getByText('has taken this entry back to correct it').waitFor();
    expect(await page.getByText(/^Your (record has|clinic has) no /).count()).toBe(0);
    await goTo(portal, page, '/record/notes');
    await page.getByRole('heading', { name: 'Note number 1' }).waitFor();
    expect(await notice.count()).toBe(1);
    await goTo(portal, page, '/record/notes/taken');
    await page.getByRole('heading', { name: 'Note number 1' }).waitFor({ state: 'detached' });
    await notice.waitFor();
    await goTo(portal, page, '/record/notes/many-1');
    await page.getByText('Short.').waitFor();
    expect(await notice.count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });

  it('of which entries cannot be shown says how many, and never that there are none', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const inactive = { coding: [{ code: 'inactive' }] };
    fixture.sections['allergies'] = { resources: [], skipped: 2 };
    fixture.sections['notes'] = { resources: [note(1)], skipped: 1 };
    fixture.sections['medications'] = { resources: [], skipped: 3 };
    fixture.sections['documents'] = { resources: [], contents: [], skipped: 1 };
    const over = { resourceType: 'Condition', id: 'over', code: { text: 'Broken arm' }, clinicalStatus: inactive };
    fixture.sections['problems'] = { resources: [over], skipped: 1 };
    const page = await portal.page('/record');
    await page
      .getByRole('link', { name: /^Documents/ })
      .getByText('1 cannot be shown')
      .waitFor();
    await page
      .getByRole('link', { name: /^Allergies/ })
      .getByText('2 cannot be shown')
      .waitFor();
    const claims = page.getByText(/^(Your (record|clinic) has no |No (current|active) |None on record)/);
    const notShown = async (path: string, number: number): Promise<void> => {
      await goTo(portal, page, path);
      await page.getByText(new RegExp(`^${String(number)} entr(y|ies) of your record cannot be shown here`)).waitFor();
      expect(await claims.count()).toBe(0);
    };
    await notShown('/record/allergies', 2);
    await notShown('/medications', 3);
    await notShown('/record/documents', 1);
    await notShown('/record/problems', 1);
    await page.getByText('Broken arm').waitFor({ state: 'attached' });
    await notShown('/record/notes', 1);
    await page.getByRole('heading', { name: 'Note number 1' }).waitFor();
    await goTo(portal, page, '/');
    await page.getByText('3 entries of your record cannot be shown here').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('that is empty says so while it is fresh, and makes no claim once it is not', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const parts = ['problems', 'allergies', 'immunizations', 'procedures', 'devices', 'care-team', 'notes', 'coverage'];
    for (const part of parts) {
      fixture.sections[part] = { resources: [] };
    }
    const page = await portal.page('/record');
    for (const part of parts) {
      await goTo(portal, page, `/record/${part}`);
      await page.getByText(/^Your (record has|clinic has) no /).waitFor();
    }
    fixture.currentAsOf = new Date(Date.now() - 2 * 3_600_000).toISOString();
    fixture.freshness = 'red';
    await page.reload();
    for (const part of parts) {
      await goTo(portal, page, `/record/${part}`);
      await page.getByText('This does not mean that there is nothing in it.').waitFor();
      expect(await page.getByText(/^Your (record has|clinic has) no /).count()).toBe(0);
    }
  });

  it('that cannot be confirmed, or did not load, shows nothing of itself and can be asked for again', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.busySection = 'problems';
    const page = await portal.page('/record/problems');
    await page.getByRole('alert').getByText('busy').waitFor();
    fixture.busySection = null;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Type 2 diabetes' }).waitFor();
    fixture.sectionProblem = { status: 503, code: 'replica-unverified' };
    fixture.ring('chart');
    await page.getByText('could not confirm').waitFor();
    expect(await page.content()).not.toContain('Type 2 diabetes');
  });

  it('shows markup as text, folds what is over, says who wrote it down, and marks what was entered by mistake', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record/problems');
    await page.getByText('Dr. Nora Greene, Alder Lane Family Practice, on Mar 5, 2019').waitFor();
    await page.getByText('<script>alert(1)</script> 😀').waitFor();
    expect(await page.getByRole('heading', { name: 'Concussion' }).count()).toBe(0);
    await page.getByText('Past and inactive (2)').click();
    await page.getByRole('article').filter({ hasText: 'Concussion' }).getByText('Resolved').waitFor();
    await page.getByText('Entered by mistake').waitFor();
    await goTo(portal, page, '/record/notes/n1');
    await page.getByText("<script>alert('a note')</script> <b>not bold</b>").waitFor();
    await page.getByText(ENDLESS).waitFor();
    await goTo(portal, page, '/record/notes/n5');
    await page.getByText('Blood pressure 150/95 & pulse 72.').waitFor();
    await page.getByText('cannot be shown as text here').waitFor();
    expect(await page.content()).not.toContain('alert(2)');
    await goTo(portal, page, '/record/social-history');
    await page.getByText('Teacher <img src=x onerror=alert(3)>').waitFor();
    expect(portal.complaints).toEqual([]);
  });

  it('with thousands of entries draws some, and more when asked; the focus moves to the first new one', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['notes'] = { resources: Array.from({ length: 5_000 }, (_, place) => note(place)) };
    const page = await portal.page('/record/notes');
    await page.getByText('Showing 30 of 5,000').waitFor();
    expect(await page.getByRole('article').count()).toBe(30);
    await page.getByRole('button', { name: 'Show 30 more' }).click();
    await page.getByText('Showing 60 of 5,000').first().waitFor();
    await until(() => page.evaluate(() => document.activeElement?.textContent ?? ''), /Note number 30/);
    await page.getByLabel('Kind of note').selectOption('Note number 4321');
    await page.getByText('Note number 4321').last().waitFor();
    expect(await page.getByRole('article').count()).toBe(1);
  });

  it('leads to an explanation outside by an entry’s code alone, on a tap, and not for what is no matter of health', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record/problems');
    const card = page.getByRole('article').filter({ hasText: 'High blood pressure' });
    const link = card.getByRole('link', {
      name: /^Read about it at MedlinePlus ?: High blood pressure, opens in a new tab$/,
    });
    expect(await link.count()).toBe(0);
    await card.getByText('Learn more').click();
    await card.getByText('It sees one of the codes below and your internet address, but not your name.').waitFor();
    expect(new URL((await link.getAttribute('href')) ?? '').search).toBe(
      '?mainSearchCriteria.v.cs=2.16.840.1.113883.6.96&mainSearchCriteria.v.c=38341003',
    );
    expect([await link.getAttribute('target'), await link.getAttribute('rel')]).toEqual([
      '_blank',
      'noopener noreferrer',
    ]);
    await goTo(portal, page, '/record/social-history');
    await page.getByText('Codes', { exact: false }).first().waitFor();
    expect(await page.getByText('Learn more').count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });
});

describe('a chart over time', () => {
  it('has a table that says the same, in the units the person chose', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record/vitals');
    await page.getByRole('link', { name: /^Weight/ }).click();
    const chart = page.getByRole('img', { name: /^Chart of Weight/ });
    await chart.waitFor();
    const rows = page.getByRole('table', { name: 'Weight' }).getByRole('row');
    // The years come one after the other.
    await until(() => rows.count(), 11);
    await until(() => chart.locator('circle').count(), 10);
    expect(await rows.nth(1).innerText()).toContain('159 lb');
    await page.getByRole('radio', { name: 'kg, cm, °C' }).check();
    await until(() => rows.nth(1).innerText(), /72\.1 kg/);
    await until(() => chart.getAttribute('aria-label'), /between 68\.9 and 72\.1 kg/);
    await page.getByRole('button', { name: 'Look at 3 earlier years' }).click();
    await until(() => rows.count(), 17);
  });

  it('of a laboratory value covers the years and leads to the other reports; words have no chart', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/results');
    await page.getByRole('link', { name: 'Basic metabolic panel' }).first().click();
    await page.getByText('Other values of this test').first().click();
    const chart = page.getByRole('img', { name: /^Chart of Glucose.*: 3 values/ });
    await chart.waitFor();
    await page.getByText('The shaded band is the range of the newest value: 65-99.').waitFor();
    const rows = page.getByRole('table', { name: /^Glucose/ }).getByRole('row');
    expect(await rows.count()).toBe(4);
    await rows.last().getByRole('link').click();
    await until(() => page.url(), new RegExp(`#/results/${String(new Date().getUTCFullYear() - 3)}/`));
    await goTo(portal, page, '/results');
    await page.getByRole('link', { name: 'Urine test' }).click();
    await page.getByText('Other values of this test').first().click();
    await page.getByText('A chart needs at least two values with numbers').waitFor();
    await page.getByRole('table', { name: 'Glucose in urine' }).getByText('Negative').first().waitFor();
    expect(await page.getByRole('img', { name: /^Chart/ }).count()).toBe(0);
    expect(portal.complaints).toEqual([]);
  });
});

describe('the immunization record', () => {
  it('prints who, when born, which clinic and every immunization given, and nothing of the portal', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record/immunizations');
    await page.getByRole('link', { name: 'Immunization record to print' }).click();
    const table = page.getByRole('table', { name: 'Immunization record' });
    await table.waitFor();
    await page.emulateMedia({ media: 'print' });
    for (const words of ['Rosalind May Okafor-Lindqvist', 'April 23, 1980', 'Signature and stamp of the clinic']) {
      expect(await page.getByText(words).isVisible()).toBe(true);
    }
    expect(await page.getByRole('row').allInnerTexts()).toEqual([
      expect.stringContaining('Vaccine'),
      expect.stringContaining('May 21, 1984'),
      expect.stringContaining('Jun 3, 1985'),
      expect.stringContaining('LOT-V2, Alder Biologics'),
      expect.stringContaining('Ann Ode'),
    ]);
    expect(await page.getByText('COVID-19').count()).toBe(0);
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false);
  });
});

describe('bills', () => {
  it('say what is owed now as the clinic computes it, and for what; services and payments are items of a visit', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record');
    await page
      .getByRole('link', { name: /^Bills and payments/ })
      .getByText('$1,135.50 to pay')
      .waitFor();
    await page.getByRole('link', { name: /^Bills and payments/ }).click();
    const account = page.getByRole('region', { name: 'Your account' });
    await account.getByText('$1,135.50', { exact: true }).waitFor();
    await account.getByText('yet to settle: $1,310.50').waitFor();
    await page
      .getByRole('article')
      .filter({ hasText: 'Visit on Nov 2, 2025' })
      .getByText('With your insurance')
      .waitFor();
    const bill = page.getByRole('article').filter({ hasText: 'Visit on Apr 20, 2025' });
    await bill.getByText('Services and payments').first().click();
    const cells = bill.getByRole('table').getByRole('cell');
    await until(() => cells.count(), 11);
    expect((await cells.allInnerTexts()).filter((words) => /^-?\$/.test(words))).toEqual([
      ...['$1,250.00', '$12.50', '-$80.00', '-$42.00', '-$5.00'],
      '$1,135.50',
    ]);
    expect(portal.complaints).toEqual([]);
  });

  it('that are out of date are not called the account of now, and nothing to pay is not claimed', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['billing'] = { currency: 'USD', balance: '0.00', balanceWithInsurance: '0.00', statements: [] };
    const page = await portal.page('/record/billing');
    await page.getByText('Your clinic has charged nothing to your account.').waitFor();
    fixture.currentAsOf = new Date(Date.now() - 2 * 3_600_000).toISOString();
    fixture.freshness = 'red';
    await page.reload();
    await page.getByText('This does not mean that there is nothing in it.').waitFor();
    await goTo(portal, page, '/record');
    await page
      .getByRole('link', { name: /^Bills and payments/ })
      .getByText('Not available right now')
      .waitFor();
  });

  it('print with every service and payment, whatever was folded', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record/billing');
    await page.getByRole('button', { name: 'Print' }).waitFor();
    expect(await page.getByText('Amoxicillin 500 MG').isVisible()).toBe(false);
    await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')));
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByText('Amoxicillin 500 MG').isVisible()).toBe(true);
    expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false);
  });
});

describe('why a medication was prescribed', () => {
  it('is told in the words of the problem list where the record has a code alone', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const request = (id: string, code: string): object => ({
      resourceType: 'MedicationRequest',
      id,
      status: 'active',
      medicationCodeableConcept: { text: `Medication ${id}` },
      reasonCode: [{ coding: [{ system: 'http://snomed.info/sct', code }] }],
    });
    portal.fixture.sections['medications'] = { resources: [request('one', '38341003'), request('two', '999')] };
    const page = await portal.page('/medications');
    const card = (name: string): Locator => page.getByRole('article').filter({ hasText: name });
    await card('Medication one').getByText('High blood pressure').waitFor();
    await card('Medication two').getByText('SNOMED CT 999').waitFor();
    expect(portal.complaints).toEqual([]);
  });
});

describe('what is printed', () => {
  it('says whose record it is, also where no page has shown that yet', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/medications');
    await page.evaluate(() => {
      window.print = () => {
        document.title = document.body.innerText.includes('Rosalind') ? 'named before' : 'printed';
      };
    });
    await page.getByRole('button', { name: 'Print' }).click();
    await page.waitForFunction(() => document.title === 'printed');
    expect(await page.getByText('Rosalind May Okafor-Lindqvist').isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByText('Rosalind May Okafor-Lindqvist').isVisible()).toBe(true);
    expect(await page.getByText('born April 23, 1980').isVisible()).toBe(true);
    expect(portal.complaints).toEqual([]);
  });
});

describe('a clinic that takes no messages', () => {
  it('says so where a message is written', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    portal.fixture.sections['practice'] = {
      resources: [{ resourceType: 'HealthcareService', id: 'messages', active: false, name: 'Portal messages' }],
    };
    const page = await portal.page('/messages/new');
    await page.getByText('takes no messages through the portal right now').waitFor();
    await page.getByLabel('Message', { exact: true }).waitFor();
  });
});

describe('visits', () => {
  it('are in the clinic’s time, which is named where the device has another', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    fixture.sections['appointments'] = {
      resources: [
        {
          resourceType: 'Appointment',
          id: 'x',
          status: 'booked',
          start: '2099-07-01T14:30:00Z',
          end: '2099-07-01T15:00:00Z',
        },
      ],
    };
    const page = await portal.page('/visits');
    await page.getByRole('heading', { name: 'Wed, Jul 1, 2099, 10:30 AM – 11:00 AM', exact: true }).waitFor();
    const elsewhere = await portal.context.browser()?.newContext({ timezoneId: 'Asia/Tokyo', locale: 'en-US' });
    const far = await elsewhere?.newPage();
    await far?.goto(`${fixture.origin}/#/visits`);
    await far?.getByRole('heading', { name: 'Wed, Jul 1, 2099, 10:30 AM – 11:00 AM EDT' }).waitFor();
    await elsewhere?.close();
  });

  it('lead to what was written about them, and back from a note to its visit', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/visits');
    await page.getByRole('link', { name: 'Sick visit' }).click();
    await page.getByRole('link', { name: 'Chest X-ray, two views' }).waitFor();
    await page.getByText('Acute viral pharyngitis').waitFor();
    await until(() => page.getByRole('article').count(), 2);
    await page.getByRole('link', { name: 'Progress note' }).click();
    await page.getByText('What we agreed').waitFor();
    await page.getByRole('link', { name: 'To the visit' }).click();
    await page.getByRole('heading', { name: 'Sick visit', level: 1 }).waitFor();
    portal.fixture.busySection = 'notes';
    await page.reload();
    await page.getByText('We cannot show notes or reports of this visit right now.').waitFor();
  });
});

describe('the profile', () => {
  it('says how the person is called and who is called for them, as words and nothing else', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const profile = fixture.sections['profile'] as { resources: object[] };
    const [patient, ...others] = profile.resources;
    fixture.sections['profile'] = { resources: [{ ...patient, deceasedDateTime: '2026-02-03' }, ...others] };
    const page = await portal.page('/profile');
    for (const words of [
      'she/her',
      'Identifies as Female',
      'February 3, 2026',
      '555-0177',
      '555-0188',
      '5 Birch Row',
    ]) {
      await page.getByText(words).waitFor();
    }
    await page.getByRole('heading', { name: 'Ingrid Lindqvist <img src=x onerror=alert(9)>' }).waitFor();
    await page.getByText('Mother, Emergency Contact').waitFor();
    expect(portal.complaints).toEqual([]);
  });
});

describe('the start page', () => {
  it('shows next visit, unread messages, newest result and open requests on one screen of a small phone', async () => {
    await using portal = await PortalBrowser.open({ width: 360, height: 740, scheme: 'light' });
    portal.fixture.signIn();
    const page = await portal.page('/');
    await page.getByText('Follow-up visit').waitFor();
    const bar = await page.getByRole('navigation').boundingBox();
    for (const name of ['Next visit', 'Messages', 'Latest results', 'Under way']) {
      const card = page.locator('section').filter({ has: page.getByRole('heading', { name, exact: true }) });
      const box = await card.boundingBox();
      expect((box?.y ?? 740) + (box?.height ?? 740)).toBeLessThanOrEqual(bar?.y ?? 0);
    }
  });
});

describe('the record as a file', () => {
  const START = 'Make the file';
  const noted = ({ fixture }: PortalBrowser): unknown[] =>
    fixture.seen.filter(({ path }) => path.endsWith('/downloads')).map(({ body }) => body);

  /** Presses the button and answers with what the browser saved. */
  async function saved(page: Page, button = START): Promise<{ name: string; bytes: Buffer }> {
    const [download] = await Promise.all([
      page.waitForEvent('download', { timeout: 60_000 }),
      page.getByRole('button', { name: button }).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  }

  async function textOf(pdf: Buffer): Promise<string> {
    const document = await getDocument({ data: new Uint8Array(pdf), verbosity: 0 }).promise;
    const pages: string[] = [];
    for (let page = 1; page <= document.numPages; page += 1) {
      const { items } = await (await document.getPage(page)).getTextContent();
      pages.push(items.map((item) => ('str' in item ? `${item.str}${item.hasEOL ? ' ' : ''}` : '')).join(''));
    }
    return pages.join(' ');
  }

  it('is a PDF to read, made under the policy of the pages, with names in every script the device has', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const profile = fixture.sections['profile'] as { resources: { name: object[] }[] };
    profile.resources[0]?.name.push({ use: 'old', text: '王明 Дмитрий' });
    const page = await portal.page('/record');
    await page.getByRole('link', { name: 'Download my record' }).click();
    await page.getByText('Making it is noted in the access history').waitFor();
    const { name, bytes } = await saved(page);
    expect(name).toMatch(/^health-record-\d{4}-\d{2}-\d{2}\.pdf$/);
    const text = await textOf(bytes);
    for (const words of [
      'Okafor-Lindqvist',
      'Дмитрий',
      'she/her',
      'Ingrid Lindqvist',
      '555-0177',
      'Lisinopril',
      'Penicillin',
      'Thank you, that helps.',
      'Page 1 of',
    ]) {
      expect(text).toContain(words);
    }
    // The device draws what the file's own font lacks; the words stand behind the picture.
    expect(text).not.toContain('王');
    expect(bytes.includes(Buffer.from('\ufeff王明', 'utf16le').swap16())).toBe(true);
    await page.locator('#main').getByText(`Saved as ${name}`).waitFor();
    expect(noted(portal)).toEqual([{ form: 'pdf', from: null, to: null }]);
    expect(portal.complaints).toEqual([]);
  });

  it('is a FHIR Bundle of the days chosen, noted with them before anything is gathered', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/record/download');
    await page.getByLabel('FHIR').check();
    await page.getByLabel('Only certain days').check();
    await page.getByRole('button', { name: START }).click();
    const refused = page.locator('form .field-error');
    await until(() => refused.textContent(), 'Choose a first day, a last day, or both.');
    await page.getByLabel('First day').fill('1998-01-01');
    await page.getByLabel('Last day').fill('1997-01-01');
    await page.getByRole('button', { name: START }).click();
    await until(() => refused.textContent(), 'The last day is before the first day.');
    expect(noted(portal)).toEqual([]);
    await page.getByLabel('Last day').fill('1998-12-31');
    fixture.seen = [];
    const { name, bytes } = await saved(page);
    expect(name).toMatch(/^health-record-[\d-]{10}-from-1998-01-01-to-1998-12-31\.fhir\.json$/);
    const bundle = JSON.parse(bytes.toString('utf8')) as fhir4.Bundle;
    const found = (bundle.entry ?? []).map(({ fullUrl }) => fullUrl ?? '');
    expect(bundle).toMatchObject({ resourceType: 'Bundle', type: 'collection' });
    expect(found).toContain(`${fixture.origin}/fhir/Procedure/p2`);
    expect(found).toContain(`${fixture.origin}/fhir/Patient/p1`);
    expect(found).not.toContain(`${fixture.origin}/fhir/Procedure/p1`);
    expect(bytes.toString('utf8')).toContain('Only what was from 1998-01-01 to 1998-12-31');
    const first = (part: string): number => fixture.seen.findIndex(({ path }) => path.includes(part));
    expect(first('/downloads')).toBeLessThan(first('/sections/problems'));
    expect(noted(portal)).toEqual([{ form: 'fhir-bundle', from: '1998-01-01', to: '1998-12-31' }]);
  });

  it('is not begun with a day that does not exist, which would be no limit', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    const page = await portal.page('/record/download');
    await page.getByLabel('Only certain days').check();
    await page.getByLabel('First day').fill('2026-01-01');
    const last = page.getByLabel('Last day');
    await last.focus();
    await page.keyboard.type('02302026');
    expect(await last.evaluate((field) => (field as HTMLInputElement).validity.badInput)).toBe(true);
    await page.getByLabel('First day').focus();
    await page.getByRole('button', { name: START }).click();
    await until(
      () => page.locator('form .field-error').textContent(),
      'This is not a complete, existing date. Correct it, or empty the field for no limit.',
    );
    expect(await last.getAttribute('aria-invalid')).toBe('true');
    const described = (await last.getAttribute('aria-describedby')) ?? '';
    expect(await page.locator(`[id="${described}"]`).textContent()).toContain('existing date');
    expect(await last.evaluate((field) => field === document.activeElement)).toBe(true);
    expect(noted(portal)).toEqual([]);
  });

  it('is not begun when the server has not noted it, and after a failure goes on with what has come, as one download', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const refused = `charts/${PATIENT_REF}/downloads`;
    fixture.refusals.set(refused, { status: 503, code: 'busy' });
    const page = await portal.page('/record/download');
    await page.getByText('Up to date as of').waitFor();
    fixture.seen = [];
    await page.getByRole('button', { name: START }).click();
    await page.getByRole('alert').getByText('busy').waitFor();
    expect(fixture.seen.filter(({ path }) => path.endsWith('/sections/problems'))).toEqual([]);
    fixture.refusals.delete(refused);
    fixture.busySection = 'practice';
    fixture.seen = [];
    await page.getByRole('button', { name: 'Try again' }).click();
    await until(() => noted(portal).length, 1);
    await page.getByRole('alert').getByText('busy').waitFor();
    fixture.busySection = null;
    const { bytes } = await saved(page, 'Try again');
    expect(bytes.subarray(0, 5).toString()).toBe('%PDF-');
    expect(noted(portal).length).toBe(1);
    expect(fixture.seen.filter(({ path }) => path.endsWith('/sections/problems')).length).toBe(1);
    expect(fixture.seen.filter(({ path }) => path.endsWith('/sections/practice')).length).toBe(2);
  });

  it('can be cancelled while it is gathered, saves nothing then, and is forgotten with the session', async () => {
    await using portal = await PortalBrowser.open();
    const { fixture } = portal;
    fixture.signIn();
    const page = await portal.page('/record/download');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/sections/practice', async (route) => {
      await held;
      await route.continue();
    });
    const downloads: string[] = [];
    page.on('download', (download) => downloads.push(download.suggestedFilename()));
    await page.getByRole('button', { name: START }).click();
    await page.getByRole('progressbar').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await page.evaluate(() => document.activeElement?.textContent.trim())).toBe(START);
    release();
    const { name } = await saved(page);
    expect(downloads).toEqual([name]);
    expect(noted(portal).length).toBe(2);
    fixture.endSession();
    fixture.ring('account');
    await page.reload();
    await page.getByLabel('Sign-in name').waitFor();
    expect(await page.content()).not.toContain('Saved as');
  });
});

describe('a report whose value came with a document', () => {
  const filed = documentsWith({}) as { resources: { id: string }[] };
  const FILED_ID = filed.resources[0]?.id ?? '';
  const section = `results/${String(new Date().getUTCFullYear())}`;

  /** Its values name these documents. */
  function nameDocuments(portal: PortalBrowser, ids: readonly string[]): void {
    const derivedFrom = ids.map((id) => ({ reference: `DocumentReference/${id}`, type: 'DocumentReference' }));
    const { resources } = portal.fixture.sections[section] as { resources: { resourceType: string }[] };
    portal.fixture.change(section, {
      resources: resources.map((each) => (each.resourceType === 'Observation' ? { ...each, derivedFrom } : each)),
    });
  }

  it('shows it with what opens and saves it, for as long as the list of documents has it', async () => {
    await using portal = await PortalBrowser.open();
    portal.fixture.signIn();
    portal.fixture.sections['documents'] = filed;
    nameDocuments(portal, [FILED_ID, 'aa'.repeat(16)]);
    const page = await portal.page('/results');
    await page.getByRole('link', { name: 'Basic metabolic panel' }).first().click();
    await page.getByRole('heading', { name: 'Scanned report', exact: true, level: 2 }).waitFor();
    await page.getByRole('heading', { name: 'Letter of the hospital.pdf', level: 3 }).waitFor();
    const card = page.getByRole('article').filter({ hasText: 'Letter of the hospital.pdf' });
    const open = card.getByRole('link', { name: /^Open/ });
    const save = card.getByRole('link', { name: /^Save/ });
    const address = `/api/charts/${PATIENT_REF}/documents/${FILED_ID}`;
    expect([await open.getAttribute('href'), await save.getAttribute('href')]).toEqual([
      address,
      `${address}?download=1`,
    ]);
    expect(await page.getByRole('article').count()).toBe(1);

    portal.fixture.change('documents', { resources: [], contents: [] });
    await until(() => page.getByRole('article').count(), 0);
    expect(await page.getByRole('heading', { name: 'Scanned report' }).count()).toBe(0);
    await page.getByText('Other values of this test').first().waitFor();
    expect(portal.complaints).toEqual([]);
  });
});
