import type { EntityManager } from 'typeorm';
import { CcdRequest } from '../ledger/ccd-request.entity.js';
import { Invite } from '../ledger/enrolment.entities.js';
import { PatientDecision, type DecisionCause } from '../ledger/patient-decision.entity.js';
import { Patient } from '../ledger/patient.entity.js';

export interface Decided {
  cause: DecisionCause;
  decidedBy: 'agent' | 'staff';
}

/**
 * In the caller's transaction: whose record in OpenEMR may be another person's gets nothing from it and sends nothing to
 * it, and cannot join with a code of before, until a person confirms. What is in the DMZ stays and is marked; a C-CDA,
 * which nobody can look through for what is another's, is not listed again unless it is asked for anew.
 */
export async function freezePatient(
  manager: EntityManager,
  { pid, patientRef }: Pick<Patient, 'pid' | 'patientRef'>,
  { cause, decidedBy }: Decided,
): Promise<void> {
  await manager.update(Patient, { pid }, { state: 'frozen' });
  await manager.update(Invite, { pid, state: 'open' }, { state: 'void', pushedAt: null });
  await manager.delete(CcdRequest, { patientRef });
  await manager.insert(PatientDecision, { patientRef, decision: 'frozen', cause, decidedBy, at: new Date() });
}
