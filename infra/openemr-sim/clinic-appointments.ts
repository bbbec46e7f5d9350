import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow } from './insert-rows.js';

const OFFICE_VISIT = 5;
/** What the calendar writes for an event that does not repeat, and for no place of its own. */
const NO_REPETITION =
  'a:5:{s:17:"event_repeat_freq";s:0:"";s:22:"event_repeat_freq_type";s:0:"";s:19:"event_repeat_on_num";s:1:"1";' +
  's:19:"event_repeat_on_day";s:1:"0";s:20:"event_repeat_on_freq";s:1:"0";}';
const NO_PLACE =
  'a:6:{s:14:"event_location";s:0:"";s:13:"event_street1";s:0:"";s:13:"event_street2";s:0:"";s:10:"event_city";s:0:"";' +
  's:11:"event_state";s:0:"";s:12:"event_postal";s:0:"";}';

export interface NewAppointment {
  pid: number;
  /** `2026-12-01` and `09:30`, on the clinic's clock */
  date: string;
  time: string;
  minutes: number;
  title: string;
  comment?: string;
}

/** The clinic books an appointment with the patient's provider, on the calendar. */
export async function bookAppointment(
  connection: Connection,
  appointment: NewAppointment,
): Promise<Commit & { appointmentId: number }> {
  const { now } = await openScreen(connection);
  if (!/^\d{4}-\d\d-\d\d$/.test(appointment.date) || !/^\d\d:\d\d$/.test(appointment.time)) {
    throw new ClinicRefusal('an appointment needs a date like 2026-12-01 and a time like 09:30');
  }
  const [[provider]] = await connection.query<RowDataPacket[]>(
    `SELECT u.id, u.facility_id AS facilityId FROM patient_data p JOIN users u ON u.id = p.providerID WHERE p.pid = ?`,
    [appointment.pid],
  );
  if (provider === undefined) {
    throw new ClinicRefusal('there is no such patient, or the patient has no provider');
  }
  const facility = Number(provider.facilityId);
  const [appointmentId, commit] = await commitBetween(connection, () =>
    insertRow(connection, 'openemr_postcalendar_events', {
      ...{
        pc_catid: OFFICE_VISIT,
        pc_multiple: 0,
        pc_aid: String(provider.id),
        pc_pid: String(appointment.pid),
        pc_gid: 0,
      },
      ...{ pc_title: appointment.title, pc_time: now, pc_hometext: appointment.comment ?? '', pc_topic: 1 },
      ...{ pc_informant: '1', pc_eventDate: appointment.date, pc_endDate: null, pc_duration: appointment.minutes * 60 },
      ...{ pc_recurrtype: 0, pc_recurrspec: NO_REPETITION, pc_recurrfreq: 0, pc_startTime: `${appointment.time}:00` },
      ...{ pc_endTime: endOf(appointment), pc_alldayevent: 0, pc_location: NO_PLACE, pc_eventstatus: 1, pc_sharing: 1 },
      ...{ pc_apptstatus: '-', pc_facility: facility, pc_billing_location: facility },
    }),
  );
  return { appointmentId, ...commit };
}

function endOf({ time, minutes }: NewAppointment): string {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const end = hour * 60 + minute + minutes;
  return [Math.floor(end / 60) % 24, end % 60, 0].map((part) => String(part).padStart(2, '0')).join(':');
}

/** The clinic sets an appointment's state, by OpenEMR's sign for it (`x` cancelled, `?` no show, `>` checked out). */
export async function setAppointmentStatus(
  connection: Connection,
  { appointmentId, status }: { appointmentId: number; status: string },
): Promise<Commit> {
  await openScreen(connection);
  const [[result], commit] = await commitBetween(connection, () =>
    connection.execute<ResultSetHeader>('UPDATE openemr_postcalendar_events SET pc_apptstatus = ? WHERE pc_eid = ?', [
      status,
      appointmentId,
    ]),
  );
  if (result.affectedRows === 0) {
    throw new ClinicRefusal('there is no such appointment, or it is in that state already');
  }
  return commit;
}
