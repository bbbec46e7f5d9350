import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { Patient } from '../ledger/patient.entity.js';
import { doubtAbout, identityOf, patientsInDoubt } from '../openemr/compare-patients.js';
import { readPortalPatient } from '../openemr/write-portal-access.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import { freezePatient } from './freeze-patient.js';
import { revokePatient } from './revoke-patient.js';

export interface Judging {
  ledger: DataSource;
  tables: OpenEmrTables;
  resourceIdKey: Uint8Array;
}

/** What became of the patient; `stays` when nothing had to be decided. */
export type Verdict = 'revoked' | 'frozen' | 'stays';

/** Revocations within an hour that are ordinary however small the practice, and beyond which one in so many patients. */
const FEWEST = 20;
const SHARE = 100;
const Counts = z.tuple([z.object({ revoked: z.coerce.number(), patients: z.coerce.number() })]);

/**
 * Decides by OpenEMR's record as it is now whether a patient's access ends (the portal is not allowed any more) or waits
 * for a person (the record is gone, or may be another person's), in one transaction. Idempotent, and safe beside anything
 * else. What is revoked is shredded for good, so when more than a hundredth of all patients would be within an hour, the
 * rest are frozen until a person has looked.
 */
export async function judgePatient({ ledger, tables, resourceIdKey }: Judging, pid: number): Promise<Verdict> {
  const verdict = await ledger.transaction(async (manager) => {
    const outcome = await judgeIn(manager, tables, resourceIdKey, pid);
    crashPoint('before-commit:patient-judged');
    return outcome;
  });
  crashPoint('after-commit:patient-judged');
  return verdict;
}

/**
 * Judges everybody of whom OpenEMR's record gives reason to, for what the change feed may have missed.
 * @returns how many were revoked or frozen
 */
export async function judgeEverybody(judging: Judging, signal: AbortSignal): Promise<number> {
  let decided = 0;
  for await (const pids of patientsInDoubt(judging.ledger.manager, judging.tables, judging.resourceIdKey)) {
    for (const pid of pids) {
      signal.throwIfAborted();
      decided += (await judgePatient(judging, pid)) === 'stays' ? 0 : 1;
    }
  }
  return decided;
}

async function judgeIn(
  manager: EntityManager,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
  pid: number,
): Promise<Verdict> {
  const patient = await manager.findOne(Patient, { where: { pid }, lock: { mode: 'pessimistic_write' } });
  if (patient === null || patient.state === 'revoked') {
    return 'stays';
  }
  const record = await readPortalPatient(manager, tables, pid);
  const doubt = doubtAbout(resourceIdKey, patient, record);
  if (doubt === 'portal-not-allowed' && !(await areTooMany(manager))) {
    await revokePatient(manager, patient, { cause: doubt, decidedBy: 'agent' });
    return 'revoked';
  }
  if (doubt !== null && patient.state !== 'frozen') {
    const cause = doubt === 'portal-not-allowed' ? 'too-many-barred' : doubt;
    await freezePatient(manager, patient, { cause, decidedBy: 'agent' });
    return 'frozen';
  }
  if (doubt === null && record !== null && patient.recordId === null) {
    // Invited before the ledger kept this: the record of now is the one that later ones are compared with.
    await manager.update(Patient, { pid }, identityOf(resourceIdKey, record));
  }
  return 'stays';
}

async function areTooMany(manager: EntityManager): Promise<boolean> {
  const rows: unknown = await manager.query(
    `SELECT (SELECT COUNT(*) FROM patient_decision WHERE decision = 'revoked' AND decided_by = 'agent'
                AND at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 1 HOUR)) AS revoked,
            (SELECT COUNT(*) FROM patient) AS patients`,
  );
  const [{ revoked, patients }] = Counts.parse(rows);
  return revoked >= FEWEST && revoked * SHARE >= patients;
}
