import { Injectable } from '@nestjs/common';
import { SealBroken } from 'sync-contract/aead';
import type { RecordClass } from 'sync-contract/classes';
import { openOwnCopy } from 'sync-contract/own-copy';
import { CcdRequestPayload, MessagePayload, ReleaseWishPayload, SubmissionKind } from 'sync-contract/submission';
import { DataSource } from 'typeorm';
import { PortalConfig } from '../config.js';
import { hexBytes, uuidText } from '../database/hex-column.js';
import type { OwnCopiesView, ReceiptView } from '../http.js';
import type { ChartAccess } from '../sessions/session.js';

/** Rows in one answer, newest kept. */
const ROWS = 500;

interface CopyRow {
  submission_id: Buffer;
  kind: string;
  stream: Buffer;
  sealed: Buffer;
  created_at: Date;
  state: 'saved' | 'collected';
}

interface OpenedCopy {
  submissionId: string;
  stream: string;
  createdAt: string;
  state: 'saved' | 'collected';
  payload: unknown;
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

  /** Oldest first. A copy under a key that the session does not have any more is left out. @param stream of messages */
  async ownCopies(accountRef: string, chart: ChartAccess, stream: string | undefined): Promise<OwnCopiesView> {
    const rows = await this.dataSource.query<CopyRow[]>(
      `SELECT c.submission_id, c.kind, c.stream, c.sealed, c.created_at, r.state
       FROM own_copy c JOIN receipt r ON r.submission_id = c.submission_id
       WHERE c.patient_ref = ? AND c.account_ref = ? ${stream === undefined ? '' : 'AND c.stream = ?'}
       ORDER BY c.created_at DESC, c.submission_id DESC LIMIT ${String(ROWS)}`,
      [hexBytes(chart.patientRef), hexBytes(accountRef), ...(stream === undefined ? [] : [hexBytes(stream)])],
    );
    rows.reverse();
    return {
      copies: this.opened(rows, chart, 'message', 'messages').map(({ payload, stream: thread, ...copy }) => ({
        ...copy,
        kind: 'message' as const,
        stream: thread,
        payload: MessagePayload.parse(payload),
      })),
      wishes: this.opened(rows, chart, 'release-wish', 'results').map(({ payload, stream: _, ...copy }) => ({
        ...copy,
        payload: ReleaseWishPayload.parse(payload),
      })),
      ccdRequests: this.opened(rows, chart, 'ccd-request', 'documents').map(({ payload, stream: _, ...copy }) => ({
        ...copy,
        payload: CcdRequestPayload.parse(payload),
      })),
    };
  }

  private opened(
    rows: readonly CopyRow[],
    chart: ChartAccess,
    kind: SubmissionKind,
    sealedAs: RecordClass,
  ): OpenedCopy[] {
    const keys = chart.classKeys(sealedAs);
    return rows
      .filter((row) => row.kind === kind)
      .flatMap((row) => {
        const submissionId = uuidText(row.submission_id);
        const header = { site: this.config.siteId, patientRef: chart.patientRef, submissionId };
        const payload = openWithAny(keys, header, row.sealed);
        return payload === undefined
          ? []
          : [
              {
                submissionId,
                stream: row.stream.toString('hex'),
                createdAt: row.created_at.toISOString(),
                state: row.state,
                payload,
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
): unknown {
  for (const key of keys) {
    try {
      return openOwnCopy(key, header, sealed);
    } catch (error: unknown) {
      if (!(error instanceof SealBroken)) {
        throw error;
      }
    }
  }
  return undefined;
}
