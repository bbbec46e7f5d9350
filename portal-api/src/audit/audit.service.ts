import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { preparedWrite } from '../database/prepared-query.js';
import { failureCode } from '../log/failure-place.js';
import { AUDIT_GENESIS, nextLink, type AuditFact, type AuditLink } from './audit-chain.js';
import { ROW, TURN_AND_ROW, rowValues, type AuditRow } from './audit-row.js';

interface Entry {
  fact: AuditFact;
  at: Date;
}

interface Waiting extends Entry {
  durable: () => void;
  failed: (error: unknown) => void;
}

/** Where the next entry continues. */
type ChainEnd = Pick<AuditLink, 'n' | 'hash'>;

/** Each size of a batch is a prepared statement of its own on each connection. */
const BATCH = 64;

/**
 * Appends to the audit chain. Both processes of the DMZ use it; the lock of the head's row orders them, and an entry's
 * number is taken once. What is read is answered only after its entry is durable: when the log cannot be written, nothing
 * is shown.
 */
@Injectable()
export class AuditService implements BeforeApplicationShutdown {
  private waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;
  /** as this process wrote it last; somebody else may have written since */
  private end: ChainEnd | null = null;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * In the transaction of the act itself: both happen or neither. Call it last, because the head row stays locked
   * until the transaction ends.
   */
  async append(manager: EntityManager, ...facts: AuditFact[]): Promise<void> {
    const at = new Date();
    await appendInTurn(
      manager,
      facts.map((fact) => ({ fact, at })),
    );
  }

  /** For acts without a transaction of their own. Resolves when durable; many callers share one commit. */
  async record(fact: AuditFact): Promise<void> {
    return new Promise((durable, failed) => {
      this.waiting.push({ fact, at: new Date(), durable, failed });
      this.writing ??= this.drain();
    });
  }

  /** What was recorded is written before the database connection goes. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.writing;
  }

  /** Group commit: whatever came while one batch was being written is the next batch. */
  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH);
      try {
        await this.commit(batch);
        for (const entry of batch) {
          entry.durable();
        }
      } catch (error: unknown) {
        for (const entry of batch) {
          entry.failed(error);
        }
      }
    }
    this.writing = undefined;
  }

  /** After a failure nobody knows what was written: the next batch looks. */
  private async commit(batch: readonly Entry[]): Promise<void> {
    const { end } = this;
    this.end = null;
    // Before the statement that commits itself, and before the transaction where somebody else has written: a name stands
    // in one place, and what that transaction has inserted and not committed goes with the process like what was never sent.
    crashPoint('before-commit:audit-entries');
    this.end = (end && (await this.continueFrom(end, batch))) ?? (await this.continueFromLast(batch));
    crashPoint('after-commit:audit-entries');
  }

  /**
   * One statement, which commits itself: no look at the chain and one way to the server and back. It waits while somebody
   * appends in turn, and holds up whoever wants to until it is durable, so that neither starves the other.
   * @returns the new end; null when the number was taken, and then nothing was written
   */
  private async continueFrom(end: ChainEnd, batch: readonly Entry[]): Promise<ChainEnd | null> {
    const rows = rowsAfter(end, batch);
    const places = [TURN_AND_ROW, ...rows.slice(1).map(() => ROW)].join(', ');
    try {
      await preparedWrite(
        this.dataSource,
        `INSERT INTO audit_entry (n, body, hash, account_ref, patient_ref) VALUES ${places}`,
        rows.flatMap(rowValues),
      );
    } catch (error: unknown) {
      if (failureCode(error) === 'ER_DUP_ENTRY') {
        return null;
      }
      throw error;
    }
    return rows.at(-1) ?? end;
  }

  private continueFromLast(batch: readonly Entry[]): Promise<ChainEnd> {
    return this.dataSource.transaction('READ COMMITTED', (manager) => appendInTurn(manager, batch));
  }
}

/** While it holds the head's lock nobody else writes, and the last entry is the last. @returns the new end of the chain */
async function appendInTurn(manager: EntityManager, entries: readonly Entry[]): Promise<ChainEnd> {
  const [turn] = await manager.query<unknown[]>('SELECT id FROM audit_head WHERE id = 1 FOR UPDATE');
  if (turn === undefined) {
    throw new Error('the audit log has no head row: run the migrations');
  }
  const [last] = await manager.query<{ n: number | string; hash: Buffer }[]>(
    'SELECT n, hash FROM audit_entry ORDER BY n DESC LIMIT 1 LOCK IN SHARE MODE',
  );
  const end =
    last === undefined ? { n: 0, hash: AUDIT_GENESIS } : { n: Number(last.n), hash: last.hash.toString('hex') };
  const rows = rowsAfter(end, entries);
  await manager.query(
    `INSERT INTO audit_entry (n, body, hash, account_ref, patient_ref) VALUES ${rows.map(() => ROW).join(', ')}`,
    rows.flatMap(rowValues),
  );
  return rows.at(-1) ?? end;
}

function rowsAfter(end: ChainEnd, entries: readonly Entry[]): AuditRow[] {
  const rows: AuditRow[] = [];
  let head = end;
  for (const { fact, at } of entries) {
    const link = nextLink(head, fact, at);
    rows.push({ ...link, fact });
    head = link;
  }
  return rows;
}
