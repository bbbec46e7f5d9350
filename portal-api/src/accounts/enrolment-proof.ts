import { Digest } from 'sync-contract/identifiers';
import { z } from 'zod';

/** What remains of an invite code at the account, sealed under its settings key: enough to ask again, not the code. */
export const EnrolmentProof = z.strictObject({ inviteId: z.string().regex(/^[0-9a-f]{10}$/), proof: Digest });
export type EnrolmentProof = z.infer<typeof EnrolmentProof>;
