import type { Connection } from 'mysql2/promise';
import { startMail } from '../openemr-sim/clinic-mail.js';
import { canary } from './canary-hunt.js';

/** Where a patient's canaries are: every section, a message in each direction, and the names. */
export const CANARY_KINDS = ['surname', 'street', 'medication', 'laboratory', 'received', 'sent'] as const;
export type CanaryKind = (typeof CANARY_KINDS)[number] | 'signinname';

export function labelOf(pid: number, kind: CanaryKind): string {
  return `p${String(pid).padStart(6, '0')}${kind}`;
}

/** Labels that a thief with this patient's open session may find. The sign-in name is stored nowhere. */
export function labelsOf(pid: number): string[] {
  return CANARY_KINDS.map((kind) => labelOf(pid, kind)).sort();
}

/** Writes the canaries of one patient into OpenEMR's tables, where the sections are read from. */
export async function plantInOpenEmr(openemr: Connection, pid: number): Promise<void> {
  const at = (kind: CanaryKind): string => canary(labelOf(pid, kind));
  await openemr.execute('UPDATE patient_data SET lname = ?, street = ? WHERE pid = ?', [
    at('surname'),
    at('street'),
    pid,
  ]);
  await openemr.execute(
    `INSERT INTO prescriptions (patient_id, drug, note, date_added, date_modified, start_date, active, provider_id, medication)
     VALUES (?, ?, '', NOW(), NOW(), CURDATE(), 1, 1, 1)`,
    [pid, at('medication')],
  );
  await openemr.execute(
    `UPDATE procedure_result AS result
       JOIN procedure_report AS report ON report.procedure_report_id = result.procedure_report_id
       JOIN procedure_order AS o ON o.procedure_order_id = report.procedure_order_id
        SET result.comments = ? WHERE o.patient_id = ?`,
    [at('laboratory'), pid],
  );
}

/** A message of the practice to a patient who has a portal identity by now. */
export async function writeToPatient(openemr: Connection, pid: number): Promise<void> {
  await startMail(openemr, {
    staff: 'frontdesk',
    pid,
    title: 'General',
    body: `<p>${canary(labelOf(pid, 'received'))}</p>`,
  });
}
