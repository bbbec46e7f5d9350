import type { Resource } from 'sync-contract/section-content';
import { userOf, type AppointmentRow, type AppointmentRows } from '../openemr/read-appointments.js';
import { resource, some, type Reference } from './fhir.js';
import { occurrences, repeats, repetitionWindow } from './occurrences.js';
import type { RenderTools } from './render-tools.js';

/** OpenEMR's signs for the state of an appointment. A clinic's own sign stands for an appointment that is booked. */
const STATUS: Readonly<Record<string, string>> = {
  '-': 'proposed',
  '^': 'pending',
  '&': 'pending',
  x: 'cancelled',
  '%': 'cancelled',
  '!': 'cancelled',
  '*': 'booked',
  '@': 'arrived',
  '~': 'arrived',
  '<': 'checked-in',
  '+': 'checked-in',
  '>': 'fulfilled',
  $: 'fulfilled',
  '?': 'noshow',
};
const NOT_TAKEN_PLACE = ['cancelled', 'noshow'];

/**
 * Past and future appointments as Appointments with their Locations, the latest first. A series is one Appointment for
 * each of its days from the beginning of the month a year ago to the end of the month in a year. An event without a day
 * or time is no appointment and counted as skipped.
 */
export function renderAppointments(
  { appointments }: AppointmentRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const window = repetitionWindow(tools.readOn);
  const rendered = appointments.flatMap((row) => daysOf(row, window).map((day) => renderDay(row, day, tools)));
  const shown = rendered.filter((each) => each !== undefined);
  const latestFirst = shown.sort((a, b) => b.at - a.at || b.eid - a.eid).map((each) => each.appointment);
  return { resources: [...latestFirst, ...tools.people.resources()], skipped: rendered.length - shown.length };
}

interface Day {
  date: string;
  /** what tells the days of a series apart; null for an event of its own */
  occurrence: string | null;
}

function daysOf(row: AppointmentRow, window: ReturnType<typeof repetitionWindow>): Day[] {
  const date = row.pc_eventDate ?? '';
  return repeats(row) && /^[1-9]\d{3}-/.test(date)
    ? occurrences({ ...row, pc_eventDate: date }, window).map((day) => ({ date: day, occurrence: day }))
    : [{ date, occurrence: null }];
}

function renderDay(
  row: AppointmentRow,
  { date, occurrence }: Day,
  tools: RenderTools,
): { at: number; eid: number; appointment: Resource } | undefined {
  const { time, ids, options } = tools;
  const start = time.dateTime(`${date} ${row.pc_startTime}`);
  if (start?.includes('T') !== true) {
    return undefined;
  }
  const status = STATUS[row.pc_apptstatus];
  const says = options.title('apptstat', row.pc_apptstatus);
  const appointment = resource({
    resourceType: 'Appointment',
    id: ids.id('openemr_postcalendar_events', occurrence === null ? row.pc_eid : `${String(row.pc_eid)} ${occurrence}`),
    status: status ?? 'booked',
    _status: status === undefined ? { extension: [originalText(says)] } : undefined,
    cancelationReason: NOT_TAKEN_PLACE.includes(status ?? '') ? { text: says } : undefined,
    appointmentType: {
      coding: [{ code: some(row.pc_constant_id), display: some(row.pc_catname) }],
      text: row.pc_catname,
    },
    description: row.pc_title,
    start,
    end: endOf(row, date, start, tools),
    minutesDuration: row.pc_duration > 0 ? Math.round(row.pc_duration / 60) : undefined,
    comment: row.pc_hometext,
    participant: [
      participant('PART', 'Participant', ids.patient(tools.pid)),
      participant('PPRF', 'Primary Performer', tools.people.practitioner(userOf(row))),
      participant('LOC', 'Location', tools.people.facilityLocation(row.pc_facility)),
    ],
  });
  return { at: time.order(start), eid: row.pc_eid, appointment };
}

/** The end on the clinic's clock; where that is not after the start (over midnight, a lost hour), start and duration. */
function endOf(row: AppointmentRow, date: string, start: string, { time }: RenderTools): string | undefined {
  const end = time.dateTime(`${date} ${row.pc_endTime}`);
  if (end?.includes('T') === true && time.order(end) > time.order(start)) {
    return end;
  }
  return row.pc_duration > 0 ? time.later(start, row.pc_duration) : undefined;
}

function originalText(says: string): unknown {
  return says === '' ? undefined : { url: 'http://hl7.org/fhir/StructureDefinition/originalText', valueString: says };
}

function participant(code: string, display: string, actor: Reference | undefined): unknown {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
  return actor === undefined
    ? undefined
    : { type: [{ coding: [{ system, code, display }] }], actor, status: 'accepted' };
}
