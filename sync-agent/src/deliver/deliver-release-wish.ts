import { ReleaseWishPayload } from 'sync-contract/submission';
import type { EntityManager } from 'typeorm';
import { markDirty } from '../ledger/dirty.js';
import { Patient } from '../ledger/patient.entity.js';
import type { Submission } from '../ledger/submission.entities.js';
import { keepWish } from '../release/keep-wish.js';
import { PermanentDeliveryFailure, TransientDeliveryFailure } from './delivery-failure.js';
import type { Effect } from './delivery.js';

/**
 * Puts a patient's wish about new results into the release ledger, as part of the caller's transaction. OpenEMR is not
 * told: it has no place for it. The chart is rendered again in any case, so that the sender's own copy goes.
 * @throws TransientDeliveryFailure | PermanentDeliveryFailure
 */
export async function deliverReleaseWish(
  manager: EntityManager,
  submission: Submission,
  content: unknown,
): Promise<Effect> {
  const payload = ReleaseWishPayload.parse(content);
  const { patientRef, accountRef } = submission;
  const patient = patientRef === null ? null : await manager.findOneBy(Patient, { patientRef });
  if (patient === null || patient.state === 'revoked') {
    throw new PermanentDeliveryFailure('the patient is no longer enrolled');
  }
  if (patient.state === 'frozen') {
    throw new TransientDeliveryFailure('the chart is frozen until a person confirms whose it is');
  }
  await keepWish(manager, patient.pid, payload, `account ${accountRef}`);
  await markDirty(manager, patient.pid, ['receipts']);
  return { state: 'DONE', reason: null, effect: { wish: payload.wish } };
}
