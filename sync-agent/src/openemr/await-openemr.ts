import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'mysql2/promise';
import { OpenEmrReadFailed } from './snapshot.js';
import { assertReadableOpenEmr } from './versions.js';

/** What a server says that is there and will go on to refuse: no such account, database or grant. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
]);

/** OpenEMR's server answers, and does not let the reader in. */
export class OpenEmrRefused extends Error {
  readonly code = 'openemr-refused';
  readonly logLevel = 'error';
  constructor(reason: string) {
    super(
      `OpenEMR's database refuses the reader account (${reason}); its name, its password, the name of OpenEMR's database ` +
        'and the reader grants must fit together',
    );
  }
}

/**
 * Returns when every column that charts are made of can be read. A server that is away is asked again until it answers.
 * @throws OpenEmrNotSupported for a missing column or grant, OpenEmrRefused
 */
export async function awaitReadableOpenEmr(
  pool: Pool,
  say: (sentence: string) => void,
  interval = 3_000,
): Promise<void> {
  let said = '';
  for (;;) {
    try {
      await assertReadableOpenEmr(pool);
      return;
    } catch (failure: unknown) {
      if (!(failure instanceof OpenEmrReadFailed)) {
        throw failure;
      }
      if (REFUSALS.has(failure.reason)) {
        throw new OpenEmrRefused(failure.reason);
      }
      if (failure.message !== said) {
        said = failure.message;
        say(`${said}; it is tried again`);
      }
    }
    await pause(interval);
  }
}
