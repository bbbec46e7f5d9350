import type { ExpectedDifference } from './golden-difference.js';
import { APPOINTMENT_DIFFERENCES } from './golden-differences-appointments.js';
import { ASSESSMENT_DIFFERENCES, QUESTIONNAIRE_DIFFERENCES } from './golden-differences-assessments.js';
import { CARE_PLAN_DIFFERENCES, CARE_TEAM_DIFFERENCES, GOAL_DIFFERENCES } from './golden-differences-care.js';
import { COVERAGE_DIFFERENCES } from './golden-differences-coverage.js';
import { ALLERGY_DIFFERENCES } from './golden-differences-allergies.js';
import { IMMUNIZATION_DIFFERENCES } from './golden-differences-immunizations.js';
import { DOCUMENT_DIFFERENCES } from './golden-differences-documents.js';
import { LABORATORY_DIFFERENCES } from './golden-differences-laboratory.js';
import { MEDICATION_DIFFERENCES } from './golden-differences-medications.js';
import { NOTES_DIFFERENCES } from './golden-differences-notes.js';
import { PATIENT_DIFFERENCES } from './golden-differences-patient.js';
import { RELATED_PERSON_DIFFERENCES } from './golden-differences-related-persons.js';
import { VISIT_DIFFERENCES } from './golden-differences-visits.js';
import { PROBLEM_DIFFERENCES } from './golden-differences-problems.js';
import { DEVICE_DIFFERENCES, PROCEDURE_DIFFERENCES } from './golden-differences-procedures.js';
import { SOCIAL_FACT_DIFFERENCES } from './golden-differences-social-facts.js';
import { SOCIAL_HISTORY_DIFFERENCES } from './golden-differences-social-history.js';

/** Every difference between our rendering and OpenEMR's FHIR answers. There is no other. */
export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [
  ...PATIENT_DIFFERENCES,
  ...RELATED_PERSON_DIFFERENCES,
  // Before those of other Observations, because the first line that holds counts.
  ...SOCIAL_HISTORY_DIFFERENCES,
  ...SOCIAL_FACT_DIFFERENCES,
  ...VISIT_DIFFERENCES,
  ...NOTES_DIFFERENCES,
  ...MEDICATION_DIFFERENCES,
  ...ASSESSMENT_DIFFERENCES,
  ...LABORATORY_DIFFERENCES,
  ...APPOINTMENT_DIFFERENCES,
  ...COVERAGE_DIFFERENCES,
  ...PROBLEM_DIFFERENCES,
  ...ALLERGY_DIFFERENCES,
  ...IMMUNIZATION_DIFFERENCES,
  ...PROCEDURE_DIFFERENCES,
  ...DEVICE_DIFFERENCES,
  ...DOCUMENT_DIFFERENCES,
  ...CARE_TEAM_DIFFERENCES,
  ...CARE_PLAN_DIFFERENCES,
  ...GOAL_DIFFERENCES,
  ...QUESTIONNAIRE_DIFFERENCES,
];
