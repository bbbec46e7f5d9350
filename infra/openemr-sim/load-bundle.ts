import type { Connection } from 'mysql2/promise';
import { utcOffset } from './clinic-time.js';
import { loadBilling } from './load-billing.js';
import type { LoadContext } from './load-context.js';
import { loadLabs } from './load-labs.js';
import { loadHistory } from './load-history.js';
import { loadImmunizations, loadProblemsAndAllergies, loadProcedures } from './load-lists.js';
import { loadMedications } from './load-medications.js';
import { loadPatient, type LoadedPatient } from './load-patient.js';
import { loadObservations } from './load-observations.js';
import { loadCarePlans, loadCareTeam } from './load-plans.js';
import { loadEncounters, loadVitals } from './load-visits.js';
import { readPractice, type Clinician } from './practice.js';
import { parseBundle } from './synthea-bundle.js';

export interface LoadBundleOptions {
  /** Whether the clinic allows this patient the portal (`allow_patient_portal` YES). */
  portal: boolean;
  /** The clinic's zone, in which OpenEMR's naive times are written; default: the practice's own. */
  timeZone?: string;
  /** When the patient was registered; default: now. */
  registered?: Date;
}

/**
 * Writes one patient's Synthea FHIR R4 transaction bundle as the rows OpenEMR's own forms write, in one transaction.
 * Needs a practice (`loadPractice`). Uuids stay NULL, as OpenEMR leaves them until a later screen or job
 * (`assignUuids`) gives them. Loading a bundle twice makes two patients.
 */
export async function loadBundle(
  connection: Connection,
  bundle: unknown,
  options: LoadBundleOptions,
): Promise<LoadedPatient> {
  const chart = parseBundle(bundle);
  const practice = await readPractice(connection);
  const timeZone = options.timeZone ?? practice.timeZone;
  const registered = options.registered ?? new Date();
  const doctorOf = (pid: number): Clinician => {
    const doctor = practice.doctors[pid % practice.doctors.length];
    if (doctor === undefined) {
      throw new Error('a practice without a doctor');
    }
    return doctor;
  };
  await connection.query("SET SESSION sql_mode = '', SESSION time_zone = ?", [utcOffset(new Date(), timeZone)]);
  await connection.beginTransaction();
  try {
    const patient = await loadPatient(connection, chart.patient, {
      portal: options.portal,
      timeZone,
      registered,
      doctorOf,
    });
    const registration: LoadContext = {
      connection,
      pid: patient.pid,
      doctor: doctorOf(patient.pid),
      timeZone,
      encounterNumbers: new Map(),
    };
    const context = { ...registration, encounterNumbers: await loadEncounters(registration, chart.encounters) };
    await loadVitals(context, chart.observations);
    await loadProblemsAndAllergies(context, chart);
    await loadMedications(context, chart);
    await loadImmunizations(context, chart.immunizations);
    await loadProcedures(context, chart.procedures);
    await loadHistory(context, chart.observations);
    await loadLabs(context, chart);
    await loadObservations(context, chart.observations);
    await loadCareTeam(context, registered);
    await loadCarePlans(context, chart);
    await loadBilling(context, chart);
    await connection.commit();
    return patient;
  } catch (error: unknown) {
    await connection.rollback();
    throw error;
  }
}
