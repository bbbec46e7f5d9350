import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import type { ReceiptState, ReceiptsContent } from 'sync-contract/receipt';
import { SubmissionKind } from 'sync-contract/submission';
import type { SubmissionState } from '../ledger/submission.entities.js';

/** Newest first; older ones are in the chart or forgotten. */
const RECEIPTS = 500;

const UUID = "LOWER(INSERT(INSERT(INSERT(INSERT(HEX(submission_id), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'))";

const Rows = z.array(
  z.object({
    submissionId: z.string(),
    kind: z.string(),
    state: z.enum(['RECEIVED', 'QUARANTINED', 'DONE', 'REFUSED']),
    reason: z.string().nullable(),
    receivedAt: z.date(),
    doneAt: z.date().nullable(),
    settled: z.coerce.boolean(),
  }),
);

const STATES: Record<SubmissionState, ReceiptState> = {
  RECEIVED: 'collected',
  // The sender cannot mend what was set aside; staff look at it.
  QUARANTINED: 'collected',
  DONE: 'with-staff',
  REFUSED: 'refused',
};

/** What nobody at the practice has to do: of which class the ledger's own content answers it. */
const ANSWERED_IN = { 'release-wish': 'results', 'ccd-request': 'documents' } as const satisfies Partial<
  Record<SubmissionKind, RecordClass>
>;

/** What is answered without staff is in the chart, or on its way there. */
function stateOf(kind: SubmissionKind, state: SubmissionState): ReceiptState {
  return kind in ANSWERED_IN && state === 'DONE' ? 'collected' : STATES[state];
}

/** Submissions that the ledger alone answers, and that no acknowledged manifest contained so far. */
export async function readAnswered(
  manager: EntityManager,
  patientRef: string,
): Promise<{ submissionId: string; answeredIn: RecordClass }[]> {
  const rows: unknown = await manager.query(
    `SELECT ${UUID} AS submissionId, kind FROM submission
      WHERE patient_ref = UNHEX(?) AND kind IN (?) AND state IN ('DONE', 'REFUSED') AND settled_at IS NULL`,
    [patientRef, Object.keys(ANSWERED_IN)],
  );
  return z
    .array(z.object({ submissionId: z.string(), kind: z.enum(['release-wish', 'ccd-request']) }))
    .parse(rows)
    .map(({ submissionId, kind }) => ({ submissionId, answeredIn: ANSWERED_IN[kind] }));
}

/** Reasons of refusals are written for the sender; those of quarantine are for staff and stay inside. */
export async function readReceipts(
  manager: EntityManager,
  patientRef: string,
  contained: ReadonlySet<string>,
): Promise<ReceiptsContent> {
  const rows: unknown = await manager.query(
    `SELECT ${UUID} AS submissionId, kind, state, reason, received_at AS receivedAt, done_at AS doneAt,
            settled_at IS NOT NULL AS settled
       FROM submission WHERE patient_ref = UNHEX(?) ORDER BY received_at DESC, submission_id DESC LIMIT ?`,
    [patientRef, RECEIPTS],
  );
  return {
    receipts: Rows.parse(rows).flatMap((row) => {
      const kind = SubmissionKind.safeParse(row.kind).data;
      if (kind === undefined) {
        return [];
      }
      const inChart = row.state === 'DONE' && (row.settled || contained.has(row.submissionId));
      return {
        submissionId: row.submissionId,
        kind,
        state: inChart ? 'in-chart' : stateOf(kind, row.state),
        at: (row.doneAt ?? row.receivedAt).toISOString(),
        reason: row.state === 'REFUSED' ? row.reason : null,
      };
    }),
  };
}
