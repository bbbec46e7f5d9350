import type { EntityManager } from 'typeorm';
import { acceptEnrolment, type EnrolmentAcceptance } from '../enrol/accept-enrolment.js';
import type { Submission } from '../ledger/submission.entities.js';
import type { Effect } from './delivery.js';

/** An acceptance is always answered: refused or not, the stream goes on, so that a wrong date may be retried. */
export async function deliverEnrolment(
  manager: EntityManager,
  acceptance: EnrolmentAcceptance,
  submission: Submission,
  createdAt: Date,
  content: unknown,
): Promise<Effect> {
  const { accepted, reason, effect } = await acceptEnrolment(manager, acceptance, submission, createdAt, content);
  return { state: accepted ? 'DONE' : 'REFUSED', reason, effect };
}
