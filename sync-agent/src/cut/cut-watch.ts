import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { AgentConfig } from '../config.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { readStanding } from './cut-ledger.js';

const LOOK_EVERY = 300;

/**
 * How the agent's process hears of a cut: it looks into the ledger all the time, with a connection of its own. While the
 * ledger cannot be asked nothing new is known; without the ledger no part of the agent does anything either.
 */
export class CutWatch implements AsyncDisposable {
  private ended = false;
  private ledger: DataSource | null = null;

  constructor(private readonly config: Pick<AgentConfig, 'database' | 'writer'>) {}

  /** Resolves once the ledger can be asked and says that the DMZ is trusted. @param onCut called when one has to wait */
  async untilTrusted(onCut: () => void): Promise<void> {
    for (let said = false; !this.ended;) {
      const cut = await this.look();
      if (cut === false) {
        return;
      }
      if (cut === true && !said) {
        said = true;
        onCut();
      }
      await pause(LOOK_EVERY);
    }
  }

  /** Resolves when the ledger says that the DMZ is cut off. */
  async untilCut(): Promise<void> {
    while (!this.ended && (await this.look()) !== true) {
      await pause(LOOK_EVERY);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended = true;
    await this.ledger?.destroy().catch(() => undefined);
  }

  /** null: the ledger gave no answer */
  private async look(): Promise<boolean | null> {
    try {
      this.ledger ??= await createLedgerDataSource(this.config.database, this.config.writer).initialize();
      return (await readStanding(this.ledger.manager))?.state === 'cut';
    } catch {
      return null;
    }
  }
}
