import type { RowDataPacket } from 'mysql2/promise';
import { insertRows, type Row } from './insert-rows.js';
import { clinicTime, encounterNumber, formRow, type LoadContext } from './load-context.js';
import { firstCode, type SyntheaChart, type SyntheaEncounter, type SyntheaObservation } from './synthea-bundle.js';

/** OpenEMR draws encounter numbers from a counter of its own, so they differ from `form_encounter.id`. */
const FIRST_ENCOUNTER = 30_001;
const CLASSES = new Set(['AMB', 'EMER', 'IMP']);
/** Calendar categories: office visit, and what the recorded practice gave to preventive care. */
const OFFICE_VISIT = 5;
const PREVENTIVE_CARE = 13;

function encounterRow(context: LoadContext, visit: SyntheaEncounter, number: number): Row {
  const stay = visit.class.code === 'IMP' && visit.period.end !== undefined;
  const type = visit.type[0] === undefined ? '' : firstCode(visit.type[0]).text;
  const reason = visit.reasonCode?.[0];
  return {
    date: clinicTime(context, visit.period.start),
    reason: reason === undefined ? type : firstCode(reason).text,
    facility: context.doctor.facilityName,
    facility_id: context.doctor.facilityId,
    pid: context.pid,
    encounter: number,
    sensitivity: 'normal',
    pc_catid: /check up|well/i.test(type) ? PREVENTIVE_CARE : OFFICE_VISIT,
    provider_id: context.doctor.id,
    billing_facility: 3,
    external_id: '',
    pos_code: 11,
    class_code: CLASSES.has(visit.class.code) ? visit.class.code : 'AMB',
    discharge_disposition: stay ? 'home' : null,
    date_end: stay && visit.period.end ? clinicTime(context, visit.period.end) : null,
  };
}

/** Writes encounters with their forms rows; answers OpenEMR's encounter number for each of the bundle's URLs. */
export async function loadEncounters(
  context: LoadContext,
  encounters: SyntheaChart['encounters'],
): Promise<Map<string, number>> {
  const [newest] = await context.connection.query<RowDataPacket[]>(
    'SELECT MAX(encounter) AS encounter FROM form_encounter FOR UPDATE',
  );
  let next = Math.max(Number(newest[0]?.encounter ?? 0) + 1, FIRST_ENCOUNTER);
  const visits = [...encounters]
    .sort(([, a], [, b]) => a.period.start.getTime() - b.period.start.getTime())
    .map(([url, visit]) => ({ url, visit, number: next++ }));
  const ids = await insertRows(
    context.connection,
    'form_encounter',
    visits.map(({ visit, number }) => encounterRow(context, visit, number)),
  );
  await insertRows(
    context.connection,
    'forms',
    visits.map(({ visit, number }, index) =>
      formRow(context, {
        name: 'New Patient Encounter',
        dir: 'newpatient',
        formId: ids[index] ?? 0,
        encounter: number,
        date: clinicTime(context, visit.period.start),
      }),
    ),
  );
  return new Map(visits.map(({ url, number }) => [url, number]));
}

/** Measurements with a field on the vitals form. */
const VITALS_FORM: ReadonlySet<string> = new Set(['55284-4', '8302-2', '29463-7', '39156-5', '8331-1']);
export const isOnVitalsForm = ({ code }: SyntheaObservation): boolean => VITALS_FORM.has(firstCode(code).code);

interface Vitals {
  encounter: string;
  at: Date;
  values: Map<string, number>;
}

function collectVitals(observations: SyntheaChart['observations']): Vitals[] {
  const sheets = new Map<string, Vitals>();
  for (const observation of observations.values()) {
    if (observation.category[0]?.coding[0]?.code !== 'vital-signs') {
      continue;
    }
    const sheet = sheets.get(observation.encounter.reference) ?? {
      encounter: observation.encounter.reference,
      at: observation.effectiveDateTime,
      values: new Map<string, number>(),
    };
    for (const [code, value] of vitalValues(observation)) {
      sheet.values.set(code, value);
    }
    sheets.set(sheet.encounter, sheet);
  }
  return [...sheets.values()]
    .filter(({ values }) => VITAL_CODES.some((code) => values.has(code)))
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

function vitalValues(observation: SyntheaObservation): [string, number][] {
  const parts = [observation, ...(observation.component ?? [])];
  return parts.flatMap((part) =>
    part.valueQuantity === undefined ? [] : [[firstCode(part.code).code, part.valueQuantity.value]],
  );
}

const SYSTOLIC = '8480-6';
const DIASTOLIC = '8462-4';
const HEIGHT_CM = '8302-2';
const WEIGHT_KG = '29463-7';
const BMI = '39156-5';
const TEMPERATURE_C = '8331-1';
const VITAL_CODES = [SYSTOLIC, HEIGHT_CM, WEIGHT_KG, BMI, TEMPERATURE_C] as const;

function bmiStatus(bmi: number): string {
  if (bmi >= 30) {
    return 'Obese';
  }
  if (bmi >= 25) {
    return 'Overweight';
  }
  return bmi >= 18.5 ? 'Normal' : 'Underweight';
}

/** OpenEMR keeps US units whatever it displays; what was not measured stays 0 (blood pressure and texts: NULL). */
function vitalsRow(context: LoadContext, sheet: Vitals): Row {
  const { values } = sheet;
  const whole = (code: string): string | null => {
    const value = values.get(code);
    return value === undefined ? null : String(Math.round(value));
  };
  const bmi = values.get(BMI);
  const celsius = values.get(TEMPERATURE_C);
  return {
    date: clinicTime(context, sheet.at),
    pid: context.pid,
    user: context.doctor.username,
    groupname: 'Default',
    authorized: 1,
    activity: 1,
    bps: whole(SYSTOLIC),
    bpd: whole(DIASTOLIC),
    weight: ((values.get(WEIGHT_KG) ?? 0) * 2.204_622_6).toFixed(2),
    height: ((values.get(HEIGHT_CM) ?? 0) / 2.54).toFixed(2),
    temperature: celsius === undefined ? 0 : (celsius * 1.8 + 32).toFixed(1),
    temp_method: celsius === undefined ? null : 'Oral',
    note: '',
    BMI: (bmi ?? 0).toFixed(1),
    BMI_status: bmi === undefined ? null : bmiStatus(bmi),
  };
}

export async function loadVitals(context: LoadContext, observations: SyntheaChart['observations']): Promise<void> {
  const sheets = collectVitals(observations);
  const ids = await insertRows(
    context.connection,
    'form_vitals',
    sheets.map((sheet) => vitalsRow(context, sheet)),
  );
  await insertRows(
    context.connection,
    'forms',
    sheets.map((sheet, index) =>
      formRow(context, {
        name: 'Vitals',
        dir: 'vitals',
        formId: ids[index] ?? 0,
        encounter: encounterNumber(context, sheet.encounter),
        date: clinicTime(context, sheet.at),
      }),
    ),
  );
}
