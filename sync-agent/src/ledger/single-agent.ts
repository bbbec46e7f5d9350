import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import type { Account, LedgerAddress } from '../config.js';
import { failureCode } from '../failure-code.js';

const Got = z.tuple([z.object({ got: z.coerce.number().nullable() })]);
const PAUSE = 1_000;

/** Name of the database server's lock that the working agent holds. */
export function agentLockName(ledgerName: string): string {
  return `sync-agent.${ledgerName}`.slice(0, 64);
}

/**
 * One agent works on a ledger: a named lock of the database server, held by a connection of its own for as long as the
 * process lives. A second agent waits; a killed one frees the lock with its connection. When the connection is lost the
 * lock is claimed again, and `lost` resolves if somebody else has it by then.
 */
export class SingleAgent implements AsyncDisposable {
  private connection: Connection | null = null;
  private ended = false;
  private readonly loss = Promise.withResolvers<void>();

  private constructor(
    private readonly address: LedgerAddress,
    private readonly account: Account,
    private readonly say: (sentence: string) => void,
  ) {}

  static async claim(address: LedgerAddress, account: Account, say: (sentence: string) => void): Promise<SingleAgent> {
    const single = new SingleAgent(address, account, say);
    await single.hold(true);
    return single;
  }

  get lost(): Promise<void> {
    return this.loss.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ended = true;
    await this.connection?.end().catch(() => undefined);
  }

  /** @param patient whether to wait for another agent's end */
  private async hold(patient: boolean): Promise<void> {
    let said = '';
    while (!this.ended) {
      const { outcome, code } = await this.tryOnce();
      if (outcome === 'held') {
        return;
      }
      if (outcome === 'taken' && !patient) {
        this.loss.resolve();
        return;
      }
      const sentence =
        outcome === 'taken'
          ? 'another sync agent works on this ledger; this one waits for its end'
          : `OpenEMR's database server does not give the agent its lock (${code}); the agent tries on`;
      if (sentence !== said) {
        this.say(sentence);
        said = sentence;
      }
      await pause(PAUSE);
    }
  }

  private async tryOnce(): Promise<{ outcome: 'held' | 'taken' | 'failed'; code: string }> {
    let connection: Connection | undefined;
    try {
      const opened = await createConnection({
        host: this.address.host,
        port: this.address.port,
        user: this.account.user,
        password: this.account.password,
        connectTimeout: 10_000,
        enableKeepAlive: true,
        flags: ['-LOCAL_FILES'],
        ssl: { ca: readFileSync(this.address.caFile, 'utf8'), rejectUnauthorized: true, verifyIdentity: true },
      });
      connection = opened;
      opened.on('error', () => {
        this.again(opened);
      });
      await opened.query('SET SESSION wait_timeout = 2147483');
      const [rows] = await opened.query<RowDataPacket[]>('SELECT GET_LOCK(?, 0) AS got', [
        agentLockName(this.address.ledgerName),
      ]);
      const [{ got }] = Got.parse(rows);
      if (got !== 1 || this.ended) {
        opened.destroy();
        return { outcome: 'taken', code: '' };
      }
      this.connection = opened;
      return { outcome: 'held', code: '' };
    } catch (failure: unknown) {
      connection?.destroy();
      return { outcome: 'failed', code: failureCode(failure) };
    }
  }

  private again(connection: Connection): void {
    if (this.connection === connection && !this.ended) {
      this.connection = null;
      void this.hold(false);
    }
  }
}

/** A wrong password, a foreign certificate and a server that is down differ in nothing but the code. */
