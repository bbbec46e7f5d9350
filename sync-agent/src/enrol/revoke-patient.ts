import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Ref } from 'sync-contract/identifiers';
import { AccountGrant, Invite, Outgoing } from '../ledger/enrolment.entities.js';
import { PatientDecision } from '../ledger/patient-decision.entity.js';
import { Patient } from '../ledger/patient.entity.js';
import type { Decided } from './freeze-patient.js';

/** What the DMZ has to shred; owed to it until it says that it has. */
export const Revocation = z.object({
  /** of the `patient_decision` that the answer is noted in */
  decision: z.string(),
  patientRef: Ref,
  grantIds: z.array(Ref),
  /** accounts that have nothing left to open */
  accounts: z.array(Ref),
});
export type Revocation = z.infer<typeof Revocation>;

/**
 * Ends a patient's access, in the caller's transaction: invites are void, grants revoked, accounts without any other
 * grant end, and the DMZ is owed the shredding of all of it. Inside goes what described the chart there; its numbers
 * stay, because portal-api never takes lower ones, and so do submissions and threads, which are OpenEMR's. Only a new
 * invite leads back, with a new chart key and a new account.
 */
export async function revokePatient(
  manager: EntityManager,
  { pid, patientRef }: Pick<Patient, 'pid' | 'patientRef'>,
  { cause, decidedBy }: Decided,
): Promise<void> {
  await manager.update(Patient, { pid }, { state: 'revoked', portalUsername: null });
  await manager.update(Invite, { pid, state: 'open' }, { state: 'void', pushedAt: null });
  const grants = await manager.findBy(AccountGrant, { patientRef, state: 'active' });
  await manager.update(AccountGrant, { patientRef, state: 'active' }, { state: 'revoked' });
  const accounts: string[] = [];
  for (const accountRef of new Set(grants.map((grant) => grant.accountRef))) {
    if (!(await manager.existsBy(AccountGrant, { accountRef, state: 'active' }))) {
      accounts.push(accountRef);
    }
  }
  await forgetChart(manager, pid, patientRef);
  const decision = await manager.insert(PatientDecision, {
    ...{ patientRef, decision: 'revoked', cause, decidedBy, at: new Date() },
  });
  const body: Revocation = {
    decision: z.object({ id: z.coerce.string() }).parse(decision.identifiers[0]).id,
    patientRef,
    grantIds: grants.map(({ grantId }) => grantId),
    accounts,
  };
  await manager.insert(Outgoing, { kind: 'revocation', body, pushedAt: null });
}

/** What described the chart in the DMZ, by its reference. */
const FORGOTTEN = [
  'chart_section',
  'document_blob',
  'acked_class',
  'vanished',
  'vanished_class',
  'held_loss',
  'withdrawn_class',
  'ccd_request',
];

/** `attempted_seq` stays: what the chart is sent as, should the patient come back, is newer than all of before. */
async function forgetChart(manager: EntityManager, pid: number, patientRef: string): Promise<void> {
  await manager.query(
    `UPDATE chart SET seq = 0, manifest = NULL, manifest_hash = NULL, failed_t = NULL, stopped_reason = NULL,
        frozen_shown = 0 WHERE patient_ref = UNHEX(?)`,
    [patientRef],
  );
  for (const table of FORGOTTEN) {
    await manager.query(`DELETE FROM ${table} WHERE patient_ref = UNHEX(?)`, [patientRef]);
  }
  for (const table of ['dirty', 'source_row']) {
    await manager.query(`DELETE FROM ${table} WHERE pid = ?`, [pid]);
  }
}
