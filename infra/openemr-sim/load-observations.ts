import type { RowDataPacket } from 'mysql2/promise';
import { insertRows, type Row } from './insert-rows.js';
import { clinicTime, encounterNumber, formRow, type LoadContext } from './load-context.js';
import { SMOKING_STATUS } from './load-history.js';
import { isOnVitalsForm } from './load-visits.js';
import { firstCode, type SyntheaChart, type SyntheaObservation } from './synthea-bundle.js';

const FIRST_FORM = 300_001;
/** Synthea's categories that the list `Observation_Types` has under another name, or not at all. */
const TYPES: Readonly<Record<string, string>> = { 'vital-sign': 'vital-signs', 'vital-signs': 'survey' };

const category = (observation: SyntheaObservation): string => observation.category[0]?.coding[0]?.code ?? '';

/** What has no field on the vitals and history forms and came from no laboratory. */
const isFreeObservation = (observation: SyntheaObservation): boolean =>
  category(observation) !== 'laboratory' &&
  !isOnVitalsForm(observation) &&
  firstCode(observation.code).code !== SMOKING_STATUS;

/** Scores, findings and answers, on one observation form for each visit. */
export async function loadObservations(
  context: LoadContext,
  observations: SyntheaChart['observations'],
): Promise<void> {
  const found = [...observations.values()].filter(isFreeObservation);
  const byVisit = [...Map.groupBy(found, ({ encounter }) => encounter.reference)];
  const [newest] = await context.connection.query<RowDataPacket[]>(
    'SELECT MAX(form_id) AS id FROM form_observation FOR UPDATE',
  );
  const first = Math.max(Number(newest[0]?.id ?? 0) + 1, FIRST_FORM);
  await insertRows(
    context.connection,
    'form_observation',
    byVisit.flatMap(([, lines], index) => lines.map((line) => observationRow(context, line, first + index))),
  );
  await insertRows(
    context.connection,
    'forms',
    byVisit.map(([url, lines], index) =>
      formRow(context, {
        name: 'Observation Form',
        dir: 'observation',
        formId: first + index,
        encounter: encounterNumber(context, url),
        date: clinicTime(context, lines[0]?.effectiveDateTime ?? new Date(0)),
      }),
    ),
  );
}

function observationRow(context: LoadContext, observation: SyntheaObservation, formId: number): Row {
  const { code, text } = firstCode(observation.code);
  const type = category(observation);
  return {
    form_id: formId,
    date: clinicTime(context, observation.effectiveDateTime),
    pid: context.pid,
    encounter: String(encounterNumber(context, observation.encounter.reference)),
    user: context.doctor.username,
    groupname: 'Default',
    authorized: 1,
    activity: 1,
    code: `LOINC:${code}`,
    observation: '',
    ...answer(observation),
    description: text,
    code_type: 'LOINC',
    table_code: '',
    ob_code: `LOINC:${code}`,
    ob_type: TYPES[type] ?? type,
    ob_status: 'final',
  };
}

/** A measured number is typed in with two decimals at most, a coded answer is chosen with its words. */
function answer({ valueQuantity, valueCodeableConcept, valueString = '' }: SyntheaObservation): Row {
  if (valueQuantity !== undefined) {
    const value = String(Number(valueQuantity.value.toFixed(2)));
    return { ob_value: value, ob_unit: valueQuantity.unit, ob_value_code_description: null };
  }
  if (valueCodeableConcept === undefined) {
    return { ob_value: valueString, ob_unit: '', ob_value_code_description: null };
  }
  const { code, text } = firstCode(valueCodeableConcept);
  return { ob_value: `SNOMED-CT:${code}`, ob_unit: '', ob_value_code_description: text };
}
