import type { Snapshot } from './snapshot.js';
import {
  PORTAL_PATIENT_COLUMNS,
  PortalPatientRow,
  portalPatientOf,
  type PortalPatient,
} from './write-portal-access.js';

/** Whose record this is and whether the portal is allowed, as of the snapshot; null when there is none. @throws OpenEmrReadFailed */
export async function readRecord(snapshot: Snapshot, pid: number): Promise<PortalPatient | null> {
  const [row] = await snapshot.select(
    "the patient's record",
    PortalPatientRow,
    `SELECT ${PORTAL_PATIENT_COLUMNS} FROM patient_data d WHERE d.pid = ?`,
    [pid],
  );
  return row === undefined ? null : portalPatientOf(row);
}
