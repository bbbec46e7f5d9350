import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Patient } from '../ledger/patient.entity.js';

/** Another agent on this ledger would have moved the number; then this one stops before it sends anything. */
export class NumberTaken extends Error {
  readonly code = 'chart-number-taken';
  readonly logLevel = 'error';
  constructor() {
    super('another agent replicates this chart from the same ledger: stop one of them');
  }
}

const Updated = z.object({ affectedRows: z.number() });

/** The access ended while the push was on its way: the ledger has forgotten the chart, and the comparison removes it there. */
export class RevokedMeanwhile extends Error {
  readonly code = 'revoked-meanwhile';
  readonly logLevel = 'warn';
  constructor() {
    super('the access of the patient ended while the chart was on its way');
  }
}

/** The chart was frozen since it was read: what was rendered stays here. */
export class FrozenMeanwhile extends Error {
  readonly code = 'frozen-meanwhile';
  readonly logLevel = 'warn';
  constructor() {
    super('the chart was frozen while it was rendered');
  }
}

/** @throws RevokedMeanwhile */
export async function assertNotRevoked(manager: EntityManager, pid: number): Promise<Patient> {
  const patient = await manager.findOne(Patient, { where: { pid }, lock: { mode: 'pessimistic_read' } });
  if (patient === null || patient.state === 'revoked') {
    throw new RevokedMeanwhile();
  }
  return patient;
}

/** @throws RevokedMeanwhile, FrozenMeanwhile */
export async function assertMayPush(manager: EntityManager, pid: number, isMark: boolean): Promise<void> {
  const { state } = await assertNotRevoked(manager, pid);
  if (state === 'frozen' && !isMark) {
    throw new FrozenMeanwhile();
  }
}

/** @throws NumberTaken */
export async function claimNumber(
  manager: EntityManager,
  patientRef: string,
  before: number,
  next: number,
): Promise<void> {
  const result: unknown = await manager.query(
    'UPDATE chart SET attempted_seq = ? WHERE patient_ref = UNHEX(?) AND attempted_seq = ? AND stopped_reason IS NULL',
    [next, patientRef, before],
  );
  if (Updated.parse(result).affectedRows !== 1) {
    throw new NumberTaken();
  }
}
