import type { Connection } from 'mysql2/promise';
import { toClinicDateTime } from './clinic-time.js';
import type { Row } from './insert-rows.js';
import type { Clinician } from './practice.js';

/** What the writers of one patient's chart share. */
export interface LoadContext {
  readonly connection: Connection;
  readonly pid: number;
  readonly doctor: Clinician;
  readonly timeZone: string;
  /** OpenEMR's encounter number by the bundle's encounter URL; 0 for an encounter the bundle does not hold. */
  readonly encounterNumbers: ReadonlyMap<string, number>;
}

export function clinicTime(context: LoadContext, instant: Date): string {
  return toClinicDateTime(instant, context.timeZone);
}

export function encounterNumber(context: LoadContext, url: string): number {
  return context.encounterNumbers.get(url) ?? 0;
}

/** The row that puts a form into an encounter; `formId` is the id in the form's own table. */
export function formRow(
  context: LoadContext,
  form: { name: string; dir: string; formId: number; encounter: number; date: string },
): Row {
  return {
    date: form.date,
    encounter: form.encounter,
    form_name: form.name,
    form_id: form.formId,
    pid: context.pid,
    user: context.doctor.username,
    groupname: 'Default',
    authorized: 1,
    deleted: 0,
    formdir: form.dir,
  };
}
