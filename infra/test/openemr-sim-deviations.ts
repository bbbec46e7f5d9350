/**
 * Where the loader or the clinic writes a kind of value that no golden row has in that column, and why that is meant.
 * `table.column: kind` → reason. An entry that no longer applies fails the test.
 */
const UUID_LATER = 'OpenEMR gives a uuid on a later screen or job; until then it is NULL (assignUuids plays that job)';
const NOT_ASKED = 'Synthea knows of no habit but smoking; a field left empty on the form is an empty text';

const NAME_AT_BIRTH = 'Synthea knows names at birth; nobody of the golden set has another one';

export const LOADER_DEVIATIONS: Readonly<Record<string, string>> = {
  'ar_activity.code: text': "the golden payments are for CPT codes only; one of Synthea's is a LOINC code",
  'care_teams.uuid: NULL': UUID_LATER,
  'form_encounter.uuid: NULL': UUID_LATER,
  'form_observation.ob_value: decimal': 'measured numbers; the golden scores are whole',
  'form_observation.ob_value: zero': 'no pain; the golden scores are above zero',
  'form_observation.ob_value_code_description: text': 'the words of a coded answer; the golden rows have codes alone',
  'form_observation.uuid: NULL': UUID_LATER,
  'form_vitals.uuid: NULL': UUID_LATER,
  'history_data.uuid: NULL': UUID_LATER,
  'immunizations.uuid: NULL': UUID_LATER,
  'issue_encounter.uuid: NULL': UUID_LATER,
  'lists.uuid: NULL': UUID_LATER,
  'patient_data.uuid: NULL': UUID_LATER,
  'prescriptions.uuid: NULL': UUID_LATER,
  'procedure_order.uuid: NULL': UUID_LATER,
  'procedure_report.uuid: NULL': UUID_LATER,
  'procedure_result.uuid: NULL': UUID_LATER,
  'procedure_specimen.uuid: NULL': UUID_LATER,
  'history_data.coffee: empty': NOT_ASKED,
  'history_data.exercise_patterns: empty': NOT_ASKED,
  'history_data.history_father: empty': NOT_ASKED,
  'history_data.history_mother: empty': NOT_ASKED,
  'history_data.recreational_drugs: empty': NOT_ASKED,
  'history_data.sleep_patterns: empty': NOT_ASKED,
  'patient_data.birth_fname: text': NAME_AT_BIRTH,
  'patient_data.birth_lname: text': NAME_AT_BIRTH,
  'patient_data.phone_cell: empty': 'Synthea knows one telephone; a field left empty on the form is an empty text',
  'patient_data.phone_contact: empty': 'Synthea knows one telephone; a field left empty on the form is an empty text',
  'prescriptions.form: zero': 'patches and rings: the form list has nothing for them, the form then saves option 0',
  'prescriptions.interval: zero': 'Synthea says of many drugs not how often; option 0 is "none chosen"',
  'prescriptions.size: decimal': 'strengths such as 0.125 mg; the golden rows happen to have whole numbers',
  'prescriptions.size: empty': 'combinations and packs have no single strength to type in',
  'prescriptions.unit: zero': 'without a strength the unit stays at option 0',
};
export const CLINIC_DEVIATIONS: Readonly<Record<string, string>> = {
  'form_clinical_notes.uuid: NULL': UUID_LATER,
  'form_vitals.uuid: NULL': UUID_LATER,
  'lists.uuid: NULL': UUID_LATER,
  'prescriptions.uuid: NULL': UUID_LATER,
  'procedure_order.uuid: NULL': UUID_LATER,
  'procedure_report.uuid: NULL': UUID_LATER,
  'procedure_result.uuid: NULL': UUID_LATER,
  'procedure_report.report_notes: NULL': 'the results screen does not name this column, so it keeps its default',
};
