import { generateSync } from 'otplib';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { nextTotpPeriod } from './portal-client.js';
import type { ReadyPatient } from './ready-patient.js';

const GREETING = /Good (morning|afternoon|evening)/;
const TotpSetup = z.object({ secret: z.string() });

/**
 * A patient at the real pages in Chromium: everything goes through labels and buttons that a person sees.
 */
export class PatientPage {
  private constructor(
    readonly page: Page,
    private readonly origin: string,
  ) {}

  static async open(browser: Browser, origin: string): Promise<PatientPage> {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'en-US' });
    return new PatientPage(await context.newPage(), origin);
  }

  async goTo(route: string): Promise<void> {
    await this.page.goto(`${this.origin}/#${route}`);
  }

  /** A code is good for one sign-in: when the current one is used up, the next one is waited for. */
  async signIn(patient: Pick<ReadyPatient, 'name' | 'password' | 'totpSecret'>): Promise<void> {
    await this.goTo('/sign-in');
    await this.page.getByLabel('Sign-in name').fill(patient.name);
    await this.page.getByLabel('Password', { exact: true }).fill(patient.password);
    await this.page.getByRole('button', { name: 'Continue' }).click();
    const code = this.page.getByLabel('Six-digit code');
    const home = this.page.getByRole('heading', { name: GREETING });
    await code.waitFor();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await code.fill(generateSync({ secret: patient.totpSecret }));
      await this.page.getByRole('button', { name: 'Sign in' }).click();
      const outcome = await Promise.race([
        home.waitFor({ timeout: 20_000 }).then(() => 'in'),
        this.page
          .getByText('This code is not right')
          .waitFor({ timeout: 20_000 })
          .then(() => 'refused'),
      ]);
      if (outcome === 'in') {
        return;
      }
      await nextTotpPeriod();
    }
    throw new Error('no code of the authenticator was accepted');
  }

  /** All three steps with an invite; ends on the home page, with the chart that the clinic has let through. */
  async join(code: string, dateOfBirth: string, name: string, password: string): Promise<void> {
    const [year = '', month = '', day = ''] = dateOfBirth.split('-');
    await this.goTo('/join');
    await this.page.getByLabel('Invitation code').fill(code);
    await this.page.getByRole('button', { name: 'Check code' }).click();
    await this.page.getByLabel('Sign-in name').fill(name);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
    await this.page.getByLabel('Month').fill(month);
    await this.page.getByLabel('Day').fill(day);
    await this.page.getByLabel('Year').fill(year);
    const setup = this.page.waitForResponse('**/api/join/totp');
    await this.page.getByRole('button', { name: 'Continue' }).click();
    const { secret } = TotpSetup.parse(await (await setup).json());
    await this.page.getByLabel('Code from the app').fill(generateSync({ secret }));
    await this.page.getByRole('button', { name: 'Create account' }).click();
    await this.page.getByRole('heading', { name: GREETING }).waitFor({ timeout: 60_000 });
  }

  /** The texts are awaited, not polled: the page itself reports when they are there, with its clock. */
  async textShown(text: string, timeout = 30_000): Promise<number> {
    const handle = await this.page.waitForFunction(
      (wanted) => (document.body.innerText.includes(wanted) ? performance.timeOrigin + performance.now() : false),
      text,
      { timeout, polling: 'raf' },
    );
    return Number(await handle.jsonValue());
  }

  /** Writes a new message. @returns when the button was pressed, by the page's clock */
  async sendMessage(topic: string, subject: string, body: string): Promise<number> {
    await this.goTo('/messages/new');
    await this.page.getByLabel('Topic').selectOption({ label: topic });
    await this.page.getByLabel('Subject').fill(subject);
    await this.page.getByLabel('Message', { exact: true }).fill(body);
    return this.press('Send');
  }

  /** Answers in the conversation that is open. @returns when the button was pressed, by the page's clock */
  async reply(body: string): Promise<number> {
    await this.page.getByLabel('Your reply').fill(body);
    return this.press('Send');
  }

  private async press(name: string): Promise<number> {
    const button = this.page.getByRole('button', { name, exact: true });
    await button.evaluate((element) => {
      element.addEventListener(
        'click',
        () => {
          document.documentElement.dataset['pressedAt'] = String(performance.timeOrigin + performance.now());
        },
        { capture: true, once: true },
      );
    });
    await button.click();
    return Number(await this.page.evaluate(() => document.documentElement.dataset['pressedAt']));
  }
}
