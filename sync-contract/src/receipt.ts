import { z } from 'zod';
import { Instant, SubmissionId } from './identifiers.js';
import { SubmissionKind } from './submission.js';

/** Where a submission stands, as its sender sees it. The DMZ itself knows the first two; the others arrive sealed. */
export const RECEIPT_STATES = ['saved', 'collected', 'with-staff', 'decided', 'in-chart', 'refused'] as const;
export const ReceiptState = z.enum(RECEIPT_STATES);
export type ReceiptState = z.infer<typeof ReceiptState>;

/** Content of the section `receipts`. Newest first; `reason` is staff's or the agent's word to the patient. */
export const ReceiptsContent = z.strictObject({
  receipts: z.array(
    z.strictObject({
      submissionId: SubmissionId,
      kind: SubmissionKind,
      state: ReceiptState,
      at: Instant,
      reason: z.string().max(2_000).nullable(),
    }),
  ),
});
export type ReceiptsContent = z.infer<typeof ReceiptsContent>;
