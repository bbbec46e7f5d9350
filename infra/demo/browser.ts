import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

/** Where the browser runs, when that is not this machine's own network. */
export interface BrowserPlace {
  /** the program that starts Chromium there */
  executable: (chromium: string) => string;
  args: readonly string[];
}

/** Chromium of the system, headless, that opens no connection of its own. @throws when none is installed */
export async function launchBrowser(place?: BrowserPlace): Promise<Browser> {
  const installed = PLACES.find((each) => existsSync(each));
  if (installed === undefined) {
    throw new Error('Chromium is not installed; install the package chromium.');
  }
  return chromium.launch({
    executablePath: place?.executable(installed) ?? installed,
    headless: true,
    args: [
      // Chromium's own sandbox needs privileges that root in a container does not have; only our pages are opened.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(place?.args ?? []),
    ],
  });
}
