import { Injectable } from '@nestjs/common';
import type { StreamsRequest } from 'sync-contract/gateway-wire';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';

/** How far the streams are, as the inside has them: a restored DMZ must not give a number out twice. */
@Injectable()
export class StreamStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditService,
  ) {}

  /** This database comes from a backup, and the inside has not said since how far the streams are. */
  async areUnknown(): Promise<boolean> {
    return (await this.dataSource.query<unknown[]>('SELECT id FROM restored')).length > 0;
  }

  /** Numbers are raised, never lowered; a stream that is not here is made. Idempotent. */
  async raise({ streams, last }: StreamsRequest): Promise<void> {
    await settleTransaction(this.dataSource, async (manager) => {
      for (const { stream, accountRef, patientRef, nextSeq } of streams) {
        await manager.query(
          'INSERT IGNORE INTO stream (stream, account_ref, patient_ref, next_seq) VALUES (?, ?, ?, ?)',
          [hexBytes(stream), hexBytes(accountRef), patientRef === null ? null : hexBytes(patientRef), nextSeq],
        );
        await manager.query('UPDATE stream SET next_seq = GREATEST(next_seq, ?) WHERE stream = ?', [
          nextSeq,
          hexBytes(stream),
        ]);
      }
      if (last) {
        await manager.query('DELETE FROM restored');
        await this.audit.append(manager, { action: 'gateway-streams', outcome: 'ok', actor: 'agent' });
      }
      crashPoint('before-commit:gateway-streams');
    });
    crashPoint('after-commit:gateway-streams');
  }
}
