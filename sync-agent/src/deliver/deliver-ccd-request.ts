import { CcdRequestPayload } from 'sync-contract/submission';
import type { EntityManager } from 'typeorm';
import { CcdRequest } from '../ledger/ccd-request.entity.js';
import { markDirty } from '../ledger/dirty.js';
import { Patient } from '../ledger/patient.entity.js';
import type { Submission } from '../ledger/submission.entities.js';
import { readDecisions } from '../release/read-decisions.js';
import { PermanentDeliveryFailure, TransientDeliveryFailure } from './delivery-failure.js';
import type { Effect } from './delivery.js';

/**
 * Keeps a patient's request for OpenEMR's own C-CDA in the ledger in place of the one before, as part of the caller's
 * transaction. OpenEMR is asked once the list of documents names the file. Refused while the practice offers none, or
 * decisions about release are in force in the chart.
 * @param isOffered by the practice
 * @throws TransientDeliveryFailure | PermanentDeliveryFailure
 */
export async function deliverCcdRequest(
  manager: EntityManager,
  { patientRef, submissionId }: Pick<Submission, 'patientRef' | 'submissionId'>,
  content: unknown,
  isOffered: boolean,
): Promise<Effect> {
  const { from, to } = CcdRequestPayload.parse(content);
  // Locked: a revocation, which forgets the chart's request, comes before this or after it.
  const patient =
    patientRef === null
      ? null
      : await manager.findOne(Patient, { where: { patientRef }, lock: { mode: 'pessimistic_read' } });
  if (patient === null || patient.state === 'revoked') {
    throw new PermanentDeliveryFailure('the patient is no longer enrolled');
  }
  if (patient.state === 'frozen') {
    throw new TransientDeliveryFailure('the chart is frozen until a person confirms whose it is');
  }
  await markDirty(manager, patient.pid, ['documents', 'receipts']);
  if (!isOffered) {
    return { state: 'REFUSED', reason: 'ccd-not-offered', effect: {} };
  }
  if ((await readDecisions(manager, patient.pid)).length > 0) {
    return { state: 'REFUSED', reason: 'ccd-held-back', effect: {} };
  }
  await manager.upsert(
    CcdRequest,
    { patientRef: patient.patientRef, submissionId, fromDay: from, toDay: to, keptAt: new Date() },
    ['patientRef'],
  );
  return { state: 'DONE', reason: null, effect: {} };
}
