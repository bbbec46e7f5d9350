import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** An event of the calendar that a patient has, with its category. */
export const AppointmentRow = z.object({
  pc_eid: Id,
  pc_aid: Text,
  pc_title: Text,
  pc_hometext: Text,
  pc_eventDate: WallClock,
  pc_endDate: WallClock,
  pc_duration: Whole,
  pc_recurrtype: Whole,
  pc_recurrspec: Text,
  pc_startTime: Text,
  pc_endTime: Text,
  pc_apptstatus: Text,
  pc_facility: Whole,
  pc_catid: Whole,
  pc_constant_id: Text,
  pc_catname: Text,
});
export type AppointmentRow = z.infer<typeof AppointmentRow>;

export interface AppointmentRows {
  appointments: AppointmentRow[];
}

/** `pc_eventstatus` of what the calendar shows; queued and hidden events have others. */
const SHOWN = 1;

/** One query. The column of the pid is text; a number in its place would compare as a number and match `5001 x`. */
export async function readAppointments(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: AppointmentRows; sources: SourceRow[] }> {
  const appointments = await snapshot.selectEntries(
    'appointments',
    AppointmentRow,
    `SELECT e.pc_eid, e.pc_aid, e.pc_title, e.pc_hometext, e.pc_eventDate, e.pc_endDate, e.pc_duration, e.pc_recurrtype,
            e.pc_recurrspec, e.pc_startTime, e.pc_endTime, e.pc_apptstatus, e.pc_facility, e.pc_catid,
            c.pc_constant_id, c.pc_catname
       FROM openemr_postcalendar_events e LEFT JOIN openemr_postcalendar_categories c ON c.pc_catid = e.pc_catid
      WHERE e.pc_pid = ? AND e.pc_eventstatus = ${String(SHOWN)} ORDER BY e.pc_eid`,
    [String(pid)],
  );
  for (const appointment of appointments) {
    wanted.user(userOf(appointment));
    wanted.facility(appointment.pc_facility);
    wanted.option('apptstat', appointment.pc_apptstatus);
  }
  return {
    rows: { appointments },
    sources: appointments.flatMap((row) => [
      sourceRow('openemr_postcalendar_events', row),
      sourceRow('openemr_postcalendar_categories', row),
    ]),
  };
}

/** The provider's `users.id`; the column is text, and empty for events of nobody. */
export function userOf({ pc_aid }: AppointmentRow): number {
  return /^\d{1,15}$/.test(pc_aid) ? Number(pc_aid) : 0;
}
