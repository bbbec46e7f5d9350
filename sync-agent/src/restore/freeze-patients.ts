import type { DataSource, EntityManager } from 'typeorm';
import { In } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { freezePatient } from '../enrol/freeze-patient.js';
import { markAllDirty } from '../ledger/dirty.js';
import { PatientDecision } from '../ledger/patient-decision.entity.js';
import { Patient } from '../ledger/patient.entity.js';
import { WithdrawnClass } from '../ledger/withdrawn-class.entity.js';
import { identityOf, readStrangePatients, recordMac } from '../openemr/compare-patients.js';
import { PortalNameShared } from '../openemr/portal-name-shared.js';
import { ensurePortalAccess, readPortalPatient } from '../openemr/write-portal-access.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';

export interface PatientsToCompare {
  tables: OpenEmrTables;
  resourceIdKey: Uint8Array;
}

export interface Confirmation {
  confirmed: number[];
  /** pids that stay as they are, each with the reason */
  refused: { pid: number; reason: string }[];
  /** patients who are frozen still */
  frozen: number[];
}

/**
 * In the caller's transaction: whose record in OpenEMR may be another person's gets nothing from it and sends nothing to
 * it, and cannot join with a code of before, until a person confirms. @returns all who are frozen now
 */
export async function freezeStrangePatients(
  manager: EntityManager,
  { tables, resourceIdKey }: PatientsToCompare,
): Promise<number[]> {
  const strange = await readStrangePatients(manager, tables, resourceIdKey);
  for (const patient of await manager.findBy(Patient, { pid: In(strange) })) {
    await freezePatient(manager, patient, { cause: 'restore', decidedBy: 'agent' });
  }
  return readFrozen(manager);
}

export async function readFrozen(manager: EntityManager): Promise<number[]> {
  const frozen = await manager.find(Patient, { where: { state: 'frozen' }, order: { pid: 'ASC' } });
  return frozen.map(({ pid }) => pid);
}

/**
 * A person has found that OpenEMR's records are still these patients': who is frozen becomes what they were before. May
 * run beside a working agent, which finds the charts dirty and the messages waiting. Idempotent.
 */
export async function confirmPatients(
  ledger: DataSource,
  patients: PatientsToCompare,
  pids: readonly number[],
): Promise<Confirmation> {
  const confirmation = await ledger.transaction(async (manager) => {
    const outcome = await confirmInTransaction(manager, patients, pids);
    crashPoint('before-commit:confirm-patients');
    return { ...outcome, frozen: await readFrozen(manager) };
  });
  crashPoint('after-commit:confirm-patients');
  return confirmation;
}

/** The same in the caller's transaction. From then on the patients are compared with their records of now. */
export async function confirmInTransaction(
  manager: EntityManager,
  { tables, resourceIdKey }: PatientsToCompare,
  pids: readonly number[],
): Promise<Omit<Confirmation, 'frozen'>> {
  const confirmed: number[] = [];
  const refused: Confirmation['refused'] = [];
  for (const pid of new Set(pids)) {
    const reason = await confirm(manager, { tables, resourceIdKey }, pid);
    if (reason === null) {
      confirmed.push(pid);
    } else {
      refused.push({ pid, reason });
    }
  }
  return { confirmed, refused };
}

/** @returns why not; null when it is done */
async function confirm(
  manager: EntityManager,
  { tables, resourceIdKey }: PatientsToCompare,
  pid: number,
): Promise<string | null> {
  const patient = await manager.findOne(Patient, { where: { pid }, lock: { mode: 'pessimistic_write' } });
  if (patient === null || patient.state === 'revoked') {
    return 'this pid has no access to the portal';
  }
  const record = await readPortalPatient(manager, tables, pid);
  if (record === null) {
    return 'OpenEMR has no such patient';
  }
  if (!record.portalAllowed) {
    return 'OpenEMR does not allow the patient the portal: allow it there, or `sync-agent patients --revoke` ends the access';
  }
  // Only an enrolment gives a mail identity.
  const enrolled = patient.portalUsername !== null;
  try {
    await manager.update(
      Patient,
      { pid },
      {
        state: enrolled ? 'enrolled' : 'invited',
        recordMac: recordMac(resourceIdKey, record),
        ...identityOf(resourceIdKey, record),
        ...(enrolled ? { portalUsername: await ensurePortalAccess(manager, tables, pid, record) } : {}),
      },
    );
    if (patient.state === 'frozen') {
      const { patientRef } = patient;
      const decision = { patientRef, decision: 'confirmed', cause: 'staff', decidedBy: 'staff' } as const;
      await manager.insert(PatientDecision, { ...decision, at: new Date() });
      // Whose rows moved to somebody else has not lost them.
      await manager.query(
        `DELETE a FROM acked_class a JOIN withdrawn_class w USING (patient_ref, record_class)
          WHERE a.patient_ref = UNHEX(?)`,
        [patientRef],
      );
      await manager.delete(WithdrawnClass, { patientRef });
      await markAllDirty(manager, pid);
    }
    return null;
  } catch (error: unknown) {
    if (error instanceof PortalNameShared) {
      return error.message;
    }
    throw error;
  }
}
