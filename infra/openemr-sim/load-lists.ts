import { insertRows, type Row } from './insert-rows.js';
import { clinicTime, encounterNumber, type LoadContext } from './load-context.js';
import { firstCode, type SyntheaChart } from './synthea-bundle.js';

/** A row of the issue list (`lists`), with the form's empty fields. */
export function issueRow(
  context: LoadContext,
  issue: {
    type: 'medical_problem' | 'allergy' | 'medication' | 'surgery';
    title: string;
    diagnosis: string;
    begdate: string;
  },
): Row {
  return {
    date: issue.begdate,
    type: issue.type,
    title: issue.title,
    begdate: issue.begdate,
    enddate: null,
    referredby: '',
    extrainfo: '',
    diagnosis: issue.diagnosis,
    activity: 1,
    comments: '',
    pid: context.pid,
    user: context.doctor.username,
    groupname: 'Default',
    outcome: 0,
    destination: '',
    reaction: '',
    verification: '',
    severity_al: null,
    external_id: '',
    list_option_id: '',
  };
}

export async function loadProblemsAndAllergies(context: LoadContext, chart: SyntheaChart): Promise<void> {
  const conditions = [...chart.conditions.values()];
  const problems = conditions.map((condition) => {
    const { code, text } = firstCode(condition.code);
    const begdate = clinicTime(context, condition.onsetDateTime);
    return {
      ...issueRow(context, { type: 'medical_problem', title: text, diagnosis: `SNOMED-CT:${code}`, begdate }),
      date: clinicTime(context, condition.recordedDate),
      enddate: condition.abatementDateTime === undefined ? null : clinicTime(context, condition.abatementDateTime),
      outcome: condition.abatementDateTime === undefined ? 0 : 1,
      verification: 'confirmed',
    };
  });
  const allergies = chart.allergies.map((allergy) => {
    const { code, text } = firstCode(allergy.code);
    const begdate = clinicTime(context, allergy.recordedDate);
    return {
      ...issueRow(context, { type: 'allergy', title: text, diagnosis: `SNOMED-CT:${code}`, begdate }),
      activity: firstCode(allergy.clinicalStatus).code === 'active' ? 1 : 0,
      reaction: 'unassigned',
      verification: 'confirmed',
      severity_al: 'unassigned',
    };
  });
  const problemIds = await insertRows(context.connection, 'lists', problems);
  await linkToVisits(
    context,
    conditions.map((condition, index) => ({
      listId: problemIds[index] ?? 0,
      encounter: condition.encounter.reference,
      at: condition.recordedDate,
    })),
  );
  await insertRows(context.connection, 'lists', allergies);
}

/** What is entered in the course of a visit is linked to it. */
function linkToVisits(
  context: LoadContext,
  entries: readonly { listId: number; encounter: string; at: Date }[],
): Promise<unknown> {
  return insertRows(
    context.connection,
    'issue_encounter',
    entries.map(({ listId, encounter, at }) => ({
      pid: context.pid,
      list_id: listId,
      encounter: encounterNumber(context, encounter),
      resolved: 0,
      created_by: context.doctor.id,
      updated_by: context.doctor.id,
      created_at: clinicTime(context, at),
      updated_at: clinicTime(context, at),
    })),
  );
}

/** What was done, on the list of surgeries. */
export async function loadProcedures(context: LoadContext, procedures: SyntheaChart['procedures']): Promise<void> {
  const surgeries = procedures.map((procedure) => {
    const { code, text } = firstCode(procedure.code);
    const begdate = clinicTime(context, procedure.performedPeriod.start);
    const { end } = procedure.performedPeriod;
    return {
      ...issueRow(context, { type: 'surgery', title: text, diagnosis: `SNOMED-CT:${code}`, begdate }),
      enddate: end === undefined ? null : clinicTime(context, end),
    };
  });
  const ids = await insertRows(context.connection, 'lists', surgeries);
  await linkToVisits(
    context,
    procedures.map((procedure, index) => ({
      listId: ids[index] ?? 0,
      encounter: procedure.encounter.reference,
      at: procedure.performedPeriod.start,
    })),
  );
}

const SITES = ['left_deltoid', 'right_deltoid', 'left_thigh'] as const;
const MANUFACTURERS = ['MSD', 'PMC', 'SKB'] as const;

export async function loadImmunizations(
  context: LoadContext,
  immunizations: SyntheaChart['immunizations'],
): Promise<void> {
  await insertRows(
    context.connection,
    'immunizations',
    immunizations.map((immunization, index) => {
      const given = clinicTime(context, immunization.occurrenceDateTime);
      return {
        patient_id: context.pid,
        administered_date: given,
        immunization_id: 0,
        cvx_code: firstCode(immunization.vaccineCode).code,
        manufacturer: MANUFACTURERS[index % MANUFACTURERS.length] ?? '',
        lot_number: `LOT${String(context.pid)}${String(index).padStart(2, '0')}`,
        administered_by_id: context.doctor.id,
        education_date: given.slice(0, 10),
        vis_date: given.slice(0, 10),
        note: '',
        create_date: given,
        update_date: given,
        created_by: context.doctor.id,
        updated_by: context.doctor.id,
        amount_administered: '0.5',
        amount_administered_unit: 'mL',
        expiration_date: `${String(Number(given.slice(0, 4)) + 1)}-06-30`,
        route: 'intramuscular',
        administration_site: SITES[index % SITES.length] ?? '',
        added_erroneously: 0,
        external_id: '',
        completion_status: 'Completed',
        information_source: 'new_immunization_record',
        refusal_reason: '',
        ordering_provider: context.doctor.id,
        encounter_id: encounterNumber(context, immunization.encounter.reference),
      };
    }),
  );
}
