import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { nextLink, type AuditFact, type AuditLink } from './audit-chain.js';

interface Waiting {
  fact: AuditFact;
  at: Date;
  durable: () => void;
  failed: (error: unknown) => void;
}

const BATCH = 200;

/**
 * Appends to the audit chain. Both processes of the DMZ use it; the lock on the head row orders them.
 * What is read is answered only after its entry is durable: when the log cannot be written, nothing is shown.
 */
@Injectable()
export class AuditService implements BeforeApplicationShutdown {
  private waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;

  constructor(private readonly dataSource: DataSource) {}

  /**
   * In the transaction of the act itself: both happen or neither. Call it last, because the head row stays locked
   * until the transaction ends.
   */
  async append(manager: EntityManager, ...facts: AuditFact[]): Promise<void> {
    const at = new Date();
    await this.link(
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
        await this.dataSource.transaction('READ COMMITTED', async (manager) => {
          await this.link(manager, batch);
          crashPoint('before-commit:audit-entries');
        });
        crashPoint('after-commit:audit-entries');
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

  private async link(manager: EntityManager, entries: readonly { fact: AuditFact; at: Date }[]): Promise<void> {
    const rows = await manager.query<{ n: number | string; hash: Buffer }[]>(
      'SELECT n, hash FROM audit_head WHERE id = 1 FOR UPDATE',
    );
    const [row] = rows;
    if (row === undefined) {
      throw new Error('the audit log has no head row: run the migrations');
    }
    let head = { n: Number(row.n), hash: row.hash.toString('hex') };
    const links: AuditLink[] = [];
    for (const { fact, at } of entries) {
      const link = nextLink(head, fact, at);
      links.push(link);
      head = link;
    }
    await manager.query(
      `INSERT INTO audit_entry (n, body, hash) VALUES ${links.map(() => '(?, ?, ?)').join(', ')}`,
      links.flatMap((link) => [link.n, link.body, Buffer.from(link.hash, 'hex')]),
    );
    await manager.query('UPDATE audit_head SET n = ?, hash = ? WHERE id = 1', [head.n, Buffer.from(head.hash, 'hex')]);
  }
}
