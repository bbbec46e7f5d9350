import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { FixturePortal } from './fixture-portal.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Look {
  width: number;
  height: number;
  scheme: 'light' | 'dark';
}

let chromiumOfThisFile: Promise<Browser> | undefined;

/** For `afterAll`: one Chromium serves all tests of a file, each test in a profile of its own. */
export async function closeChromium(): Promise<void> {
  await (await chromiumOfThisFile)?.close();
}

/** Chromium with a fresh profile before the built web app, which a fixture serves in place of portal-api. */
export class PortalBrowser {
  /** whatever the browser wrote to its console as an error or warning, and uncaught exceptions */
  readonly complaints: string[] = [];

  private constructor(
    readonly fixture: FixturePortal,
    readonly context: BrowserContext,
  ) {}

  static async open(look: Look = { width: 390, height: 844, scheme: 'light' }): Promise<PortalBrowser> {
    await buildWhenStale();
    const fixture = await FixturePortal.start(join(ROOT, 'dist'));
    chromiumOfThisFile ??= chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
    const context = await (
      await chromiumOfThisFile
    ).newContext({
      viewport: { width: look.width, height: look.height },
      colorScheme: look.scheme,
      timezoneId: 'America/New_York',
      locale: 'en-US',
    });
    return new PortalBrowser(fixture, context);
  }

  async page(path = '/'): Promise<Page> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(5_000);
    page.on('console', (message) => {
      // A refused sign-in is an answer, which Chromium nevertheless logs as an error.
      if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')) {
        this.complaints.push(message.text());
      }
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    await page.goto(`${this.fixture.origin}/#${path}`);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
    await this.fixture[Symbol.asyncDispose]();
  }
}

/** Waits until `read` answers what is expected; fails with the last answer. */
export async function until<T>(read: () => T | Promise<T>, expected: T | RegExp): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const answer = await read();
    if (expected instanceof RegExp ? expected.test(String(answer)) : answer === expected) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`still ${JSON.stringify(answer)}, expected ${String(expected)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Other files of the run may need it too; a build in time for its sources is not repeated. */
async function buildWhenStale(): Promise<void> {
  const sources = await readdir(join(ROOT, 'src'), { recursive: true });
  const inputs = [...sources.map((name) => join('src', name)), 'index.html', 'vite.config.ts', 'svelte.config.js'];
  const changed = await Promise.all(inputs.map(async (name) => (await stat(join(ROOT, name))).mtimeMs));
  const built = await stat(join(ROOT, 'dist', 'index.html')).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (Math.max(...changed) > built) {
    const vite = createRequire(join(ROOT, 'package.json')).resolve('vite/package.json');
    await promisify(execFile)(process.execPath, [join(vite, '..', 'bin', 'vite.js'), 'build'], { cwd: ROOT });
  }
}
