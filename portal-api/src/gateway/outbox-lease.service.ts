import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { LeaseAnswer } from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import { TIMES } from 'sync-contract/limits';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes, uuidBytes, uuidText } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { DoorbellListener } from '../doorbell/doorbell-listener.js';
import { EventPublisher } from './event-publisher.js';

interface Claimed {
  submission_id: Buffer;
  stream: Buffer;
  stream_seq: number;
  position: string | number;
  envelope: string;
}

interface Acked {
  submission_id: Buffer;
  account_ref: Buffer;
  patient_ref: Buffer | null;
}

const CLAIMED = 'submission_id, stream, stream_seq, position, envelope';

/**
 * Hands envelopes to the agent. A claimed row belongs to one lease until its time is over; nothing leaves the outbox
 * before the agent has said that it is durable inside. So a row may be handed out twice, and is never lost.
 */
@Injectable()
export class OutboxLease implements BeforeApplicationShutdown {
  private readonly stopping = new AbortController();

  constructor(
    private readonly dataSource: DataSource,
    private readonly doorbell: DoorbellListener,
    private readonly audit: AuditService,
    private readonly events: EventPublisher,
  ) {}

  /** Waiting leases answer empty, so that the server can close. */
  beforeApplicationShutdown(): void {
    this.stopping.abort();
  }

  /**
   * Rows as soon as there are any, an empty answer after `waitMs`. Rows that were claimed for a caller who has gone
   * meanwhile are free again at once.
   */
  async lease(limit: number, waitMs: number, gone: AbortSignal): Promise<LeaseAnswer> {
    const deadline = performance.now() + waitMs;
    const over = AbortSignal.any([gone, this.stopping.signal]);
    for (;;) {
      // Before looking: a ring that comes while the claim runs counts.
      const ticket = this.doorbell.ticket();
      const answer = over.aborted ? { lease: null, items: [] } : await this.claim(limit);
      if (answer.lease !== null && gone.aborted) {
        await this.release(answer.lease);
        return { lease: null, items: [] };
      }
      const left = deadline - performance.now();
      if (answer.lease !== null || left <= 0 || over.aborted) {
        return answer;
      }
      await this.doorbell.rung(ticket, left, over);
    }
  }

  /** Frees what a lease still holds. Idempotent. */
  async release(lease: string): Promise<void> {
    crashPoint('before-commit:gateway-release');
    await this.dataSource.query(
      "UPDATE outbox SET state = 'NEW', lease = NULL, leased_until = NULL WHERE state = 'LEASED' AND lease = ?",
      [hexBytes(lease)],
    );
    crashPoint('after-commit:gateway-release');
    this.doorbell.wake();
  }

  /**
   * The agent begins anew: what it was handed before is free at once instead of when its lease is over. There is one
   * agent, and a row that it gets twice changes nothing.
   */
  async releaseAll(): Promise<void> {
    await settleTransaction(this.dataSource, async (manager) => {
      await manager.query("UPDATE outbox SET state = 'NEW', lease = NULL, leased_until = NULL WHERE state = 'LEASED'");
      crashPoint('before-commit:gateway-leases-freed');
    });
    crashPoint('after-commit:gateway-leases-freed');
    this.doorbell.wake();
  }

  /**
   * The inside was restored: everything that is kept is offered again, also what it had acknowledged. What it knows
   * changes nothing there. Idempotent. @returns number of rows that are offered now
   */
  async reofferAll(): Promise<number> {
    const offered = await settleTransaction(this.dataSource, async (manager) => {
      await manager.query(
        "UPDATE outbox SET state = 'NEW', lease = NULL, leased_until = NULL, acked_at = NULL WHERE state <> 'NEW'",
      );
      const [waiting] = await manager.query<{ n: number | string }[]>('SELECT COUNT(*) AS n FROM outbox');
      await this.audit.append(manager, { action: 'gateway-reoffer', outcome: 'ok', actor: 'agent' });
      crashPoint('before-commit:gateway-reoffer');
      return Number(waiting?.n ?? 0);
    });
    crashPoint('after-commit:gateway-reoffer');
    this.doorbell.wake();
    return offered;
  }

  /** The agent has these durably. Idempotent; ids that are not here are not counted. @returns how many are acked now */
  async ack(submissionIds: readonly string[]): Promise<number> {
    const ids = submissionIds.map(uuidBytes);
    const { held, acked } = await settleTransaction(this.dataSource, async (manager) => {
      const rows = await manager.query<(Acked & { state: string })[]>(
        'SELECT submission_id, account_ref, patient_ref, state FROM outbox WHERE submission_id IN (?) FOR UPDATE',
        [ids],
      );
      const fresh = rows.filter((row) => row.state !== 'ACKED');
      if (fresh.length > 0) {
        await this.settle(manager, fresh);
      }
      crashPoint('before-commit:gateway-ack');
      return { held: rows.length, acked: fresh };
    });
    crashPoint('after-commit:gateway-ack');
    const seq = Date.now();
    const accounts = new Set(acked.map((row) => row.account_ref.toString('hex')));
    this.events.publish(...[...accounts].map((accountRef) => ({ accountRef, kind: 'receipt' as const, seq })));
    return held;
  }

  private async settle(manager: EntityManager, rows: readonly Acked[]): Promise<void> {
    const ids = rows.map((row) => row.submission_id);
    await manager.query(
      "UPDATE outbox SET state = 'ACKED', lease = NULL, leased_until = NULL, acked_at = UTC_TIMESTAMP(3) WHERE submission_id IN (?)",
      [ids],
    );
    await manager.query(
      "UPDATE receipt SET state = 'collected', collected_at = UTC_TIMESTAMP(3) WHERE submission_id IN (?) AND state = 'saved'",
      [ids],
    );
    await this.audit.append(
      manager,
      ...rows.map((row) => ({
        action: 'gateway-ack' as const,
        outcome: 'ok' as const,
        actor: 'agent',
        onBehalfOf: row.patient_ref?.toString('hex') ?? null,
        object: uuidText(row.submission_id),
      })),
    );
  }

  private async claim(limit: number): Promise<LeaseAnswer> {
    const lease = newRef();
    const rows = await settleTransaction(this.dataSource, async (manager) => {
      const free = await this.freeRows(manager, limit);
      if (free.length > 0) {
        await manager.query(
          `UPDATE outbox SET state = 'LEASED', lease = ?,
             leased_until = DATE_ADD(UTC_TIMESTAMP(3), INTERVAL ? MICROSECOND) WHERE submission_id IN (?)`,
          [hexBytes(lease), TIMES.lease * 1_000, free.map((row) => row.submission_id)],
        );
        await this.audit.append(manager, { action: 'gateway-lease', outcome: 'ok', actor: 'agent', object: lease });
      }
      crashPoint('before-commit:gateway-lease');
      return free;
    });
    if (rows.length === 0) {
      return { lease: null, items: [] };
    }
    crashPoint('after-commit:gateway-lease');
    return {
      lease,
      items: rows
        .sort((a, b) => Number(a.position) - Number(b.position))
        .map((row) => ({
          submissionId: uuidText(row.submission_id),
          stream: row.stream.toString('hex'),
          streamSeq: row.stream_seq,
          envelope: parsedOrText(row.envelope),
        })),
    };
  }

  /** Rows of leases whose time is over, then new ones; rows that another claim is taking are passed over. */
  private async freeRows(manager: EntityManager, limit: number): Promise<Claimed[]> {
    const expired = await manager.query<Claimed[]>(
      `SELECT ${CLAIMED} FROM outbox WHERE state = 'LEASED' AND leased_until < UTC_TIMESTAMP(3)
       ORDER BY position LIMIT ? FOR UPDATE SKIP LOCKED`,
      [limit],
    );
    if (expired.length >= limit) {
      return expired;
    }
    const fresh = await manager.query<Claimed[]>(
      `SELECT ${CLAIMED} FROM outbox WHERE state = 'NEW' ORDER BY position LIMIT ? FOR UPDATE SKIP LOCKED`,
      [limit - expired.length],
    );
    return [...expired, ...fresh];
  }
}

/** A damaged row travels as it is: the agent quarantines it, and the rows beside it pass. */
function parsedOrText(envelope: string): unknown {
  try {
    return JSON.parse(envelope);
  } catch {
    return envelope;
  }
}
