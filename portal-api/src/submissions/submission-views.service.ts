import { Injectable } from '@nestjs/common';
import { SealBroken } from 'sync-contract/aead';
import { openOwnCopy } from 'sync-contract/own-copy';
import { MessagePayload, SubmissionKind } from 'sync-contract/submission';
import { DataSource } from 'typeorm';
import { PortalConfig } from '../config.js';
import { hexBytes, uuidText } from '../database/hex-column.js';
import type { OwnCopyView, ReceiptView } from '../http.js';
import type { ChartAccess } from '../sessions/session.js';

/** Rows in one answer, newest kept. */
const ROWS = 500;

interface CopyRow {
  submission_id: Buffer;
  stream: Buffer;
  sealed: Buffer;
  created_at: Date;
  state: 'saved' | 'collected';
}

interface ReceiptRow {
  submission_id: Buffer;
  kind: string;
  state: 'saved' | 'collected';
  saved_at: Date;
  collected_at: Date | null;
}

/** What an account sees of its own submissions while the chart does not contain them. */
@Injectable()
export class SubmissionViews {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
  ) {}

  /** Oldest first. A copy under a key that the session does not have any more is left out. */
  async ownCopies(accountRef: string, chart: ChartAccess, stream: string | undefined): Promise<OwnCopyView[]> {
    const rows = await this.dataSource.query<CopyRow[]>(
      `SELECT c.submission_id, c.stream, c.sealed, c.created_at, r.state
       FROM own_copy c JOIN receipt r ON r.submission_id = c.submission_id
       WHERE c.patient_ref = ? AND c.account_ref = ? AND c.kind = 'message' ${stream === undefined ? '' : 'AND c.stream = ?'}
       ORDER BY c.created_at DESC, c.submission_id DESC LIMIT ${String(ROWS)}`,
      [hexBytes(chart.patientRef), hexBytes(accountRef), ...(stream === undefined ? [] : [hexBytes(stream)])],
    );
    const keys = chart.classKeys('messages');
    return rows.reverse().flatMap((row) => {
      const submissionId = uuidText(row.submission_id);
      const header = { site: this.config.siteId, patientRef: chart.patientRef, submissionId };
      const opened = openWithAny(keys, header, row.sealed);
      return opened === undefined
        ? []
        : [
            {
              submissionId,
              kind: 'message' as const,
              stream: row.stream.toString('hex'),
              createdAt: row.created_at.toISOString(),
              state: row.state,
              payload: opened,
            },
          ];
    });
  }

  /** Newest first. */
  async receipts(accountRef: string, patientRef: string): Promise<ReceiptView[]> {
    const rows = await this.dataSource.query<ReceiptRow[]>(
      `SELECT submission_id, kind, state, saved_at, collected_at FROM receipt
       WHERE account_ref = ? AND patient_ref = ? ORDER BY saved_at DESC, submission_id DESC LIMIT ${String(ROWS)}`,
      [hexBytes(accountRef), hexBytes(patientRef)],
    );
    return rows.map((row) => ({
      submissionId: uuidText(row.submission_id),
      kind: SubmissionKind.parse(row.kind),
      state: row.state,
      at: (row.collected_at ?? row.saved_at).toISOString(),
    }));
  }
}

function openWithAny(
  keys: readonly Buffer[],
  header: { site: string; patientRef: string; submissionId: string },
  sealed: Buffer,
): MessagePayload | undefined {
  for (const key of keys) {
    try {
      return MessagePayload.parse(openOwnCopy(key, header, sealed));
    } catch (error: unknown) {
      if (!(error instanceof SealBroken)) {
        throw error;
      }
    }
  }
  return undefined;
}
