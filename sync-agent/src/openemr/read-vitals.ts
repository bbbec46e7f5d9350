import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** One form of vital signs. Amounts are the text of a decimal, in US units whatever OpenEMR displays; 0 is "not measured". */
export const VitalsRow = z.object({
  id: Id,
  form_row: Id,
  encounter: Whole,
  date: WallClock,
  user: Text,
  bps: Text,
  bpd: Text,
  weight: Text,
  height: Text,
  temperature: Text,
  temp_method: Text,
  pulse: Text,
  respiration: Text,
  note: Text,
  BMI: Text,
  BMI_status: Text,
  waist_circ: Text,
  head_circ: Text,
  oxygen_saturation: Text,
  oxygen_flow_rate: Text,
  inhaled_oxygen_concentration: Text,
  ped_weight_height: Text,
  ped_bmi: Text,
  ped_head_circ: Text,
});
export type VitalsRow = z.infer<typeof VitalsRow>;

/** What the practice said about one measurement. OpenEMR keeps the words of its list as they were then. */
export const VitalDetailRow = z.object({
  id: Id,
  form_id: Id,
  vitals_column: Text,
  interpretation_option_id: Text,
  interpretation_codes: Text,
  interpretation_title: Text,
  reason_description: Text,
});
export type VitalDetailRow = z.infer<typeof VitalDetailRow>;

export interface VitalRows {
  sheets: VitalsRow[];
  details: VitalDetailRow[];
}

/** Two queries. A form that the practice deleted is left out; `forms` alone knows that. */
export async function readVitals(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: VitalRows; sources: SourceRow[] }> {
  const sheets = await snapshot.select(
    'vital signs',
    VitalsRow,
    `SELECT v.id, f.id AS form_row, f.encounter, v.date, v.user, v.bps, v.bpd, v.weight, v.height, v.temperature,
            v.temp_method, v.pulse, v.respiration, v.note, v.BMI, v.BMI_status, v.waist_circ, v.head_circ,
            v.oxygen_saturation, v.oxygen_flow_rate, v.inhaled_oxygen_concentration, v.ped_weight_height, v.ped_bmi,
            v.ped_head_circ
       FROM forms f JOIN form_vitals v ON v.id = f.form_id AND v.pid = f.pid
      WHERE f.pid = ? AND f.formdir = 'vitals' AND f.deleted = 0 ORDER BY v.id, f.id`,
    [pid],
  );
  const ids = [...new Set(sheets.map(({ id }) => id))];
  const details =
    ids.length === 0
      ? []
      : await snapshot.select(
          'what was said of vital signs',
          VitalDetailRow,
          `SELECT id, form_id, vitals_column, interpretation_option_id, interpretation_codes, interpretation_title,
                  reason_description
             FROM form_vital_details WHERE form_id IN (?) ORDER BY id`,
          [ids],
        );
  for (const sheet of sheets) {
    wanted.username(sheet.user);
  }
  return {
    rows: { sheets, details },
    sources: [
      ...sheets.flatMap((row) => [sourceRow('form_vitals', row), sourceRow('forms', { id: row.form_row })]),
      ...details.map((row) => sourceRow('form_vital_details', row)),
    ],
  };
}
