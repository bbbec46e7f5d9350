import { setTimeout as pause } from 'node:timers/promises';
import type { AgentConfig } from '../config.js';
import { failureCode } from '../failure-code.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { readStandStill, standStill } from '../ledger/stand-still.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { findRestore } from './find-restore.js';

const PAUSE = 1_000;

/** The ledger has no tables, or those of an older version. */
export class LedgerNotMigrated extends Error {
  readonly code = 'ledger-not-migrated';
  constructor() {
    super('the ledger lacks tables: run `sync-agent ledger migrate`');
  }
}

export interface AwaitLog {
  /** a database was restored; a person has to act */
  fatal(sentence: string): void;
  /** a server is away */
  warn(sentence: string): void;
}

interface Obstacle {
  level: keyof AwaitLog;
  sentence: string;
}

/**
 * Before any work begins: resolves when ledger and OpenEMR agree and nothing makes the agent stand still; until then it
 * says why, once. A server that is away is waited for. @param ends when it aborts nobody waits any more @throws LedgerNotMigrated
 */
export async function awaitWork(config: AgentConfig, log: AwaitLog, ends?: AbortSignal): Promise<void> {
  const keys = KeyStore.open(config.keyDir, config.siteId);
  const tables = openEmrTables(config.database.openemrName);
  let said = '';
  while (ends?.aborted !== true) {
    const obstacle = await lookOnce(config, keys, tables);
    if (obstacle === null) {
      return;
    }
    const { level, sentence } = obstacle;
    if (sentence !== said) {
      log[level](sentence);
      said = sentence;
    }
    await pause(PAUSE);
  }
}

async function lookOnce(
  config: AgentConfig,
  keys: KeyStore,
  tables: ReturnType<typeof openEmrTables>,
): Promise<Obstacle | null> {
  const ledger = createLedgerDataSource(config.database, config.writer);
  try {
    await ledger.initialize();
    const known = await readStandStill(ledger);
    if (known !== null) {
      return { level: 'fatal', sentence: known };
    }
    const found = await findRestore(ledger, tables, keys.resourceIdKey);
    if (found === null) {
      return null;
    }
    await standStill(ledger, found);
    return { level: 'fatal', sentence: found };
  } catch (failure: unknown) {
    const code = failureCode(failure);
    if (code === 'ER_NO_SUCH_TABLE' || code === 'ER_BAD_FIELD_ERROR') {
      throw new LedgerNotMigrated();
    }
    return { level: 'warn', sentence: `OpenEMR's database server does not answer (${code}); the agent tries on` };
  } finally {
    if (ledger.isInitialized) {
      await ledger.destroy();
    }
  }
}
