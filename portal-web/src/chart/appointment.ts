import { conceptText, list, nested, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { newestFirst, noteTexts } from './record-entry.js';
import { placeOf, Referred, type Place } from './referred.js';

export interface Appointment {
  id: string;
  name: string;
  /** FHIR status */
  status: string;
  /** the clinic's own words for a state that FHIR has no code for */
  statusWords: string | undefined;
  start: string | undefined;
  end: string | undefined;
  people: string[];
  place: Place | null;
  /** how to get there, as the clinic wrote it */
  directions: string | undefined;
  reasons: string[];
  comment: string | undefined;
  instructions: string | undefined;
  cancelReason: string | undefined;
  withdrawn: boolean;
  notes: string[];
}

const OFF = new Set(['cancelled', 'noshow', 'entered-in-error', 'fulfilled']);

/** What an `appointments` section says, newest first. */
export function readAppointments(resources: unknown[]): Appointment[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Appointment').map((appointment) => readAppointment(appointment, referred)),
    ({ start }) => start,
  );
}

/** Those to come, the next one first; what was cancelled for later is among the rest. */
export function splitByTime(
  appointments: readonly Appointment[],
  now: number,
): { upcoming: Appointment[]; rest: Appointment[] } {
  const isUpcoming = (appointment: Appointment): boolean =>
    !OFF.has(appointment.status) && Date.parse(appointment.end ?? appointment.start ?? '') >= now;
  return {
    upcoming: appointments.filter(isUpcoming).reverse(),
    rest: appointments.filter((appointment) => !isUpcoming(appointment)),
  };
}

function readAppointment(appointment: Json, referred: Referred): Appointment {
  const actors = nested(appointment, 'participant', 'actor');
  const ofActor = (type: string): Json[] =>
    actors.filter((actor) => (string(actor, 'type') ?? string(actor, 'reference')?.split('/')[0]) === type);
  const location = ofActor('Location')[0] ?? ofActor('HealthcareService')[0];
  const place = referred.resource(location);
  const organization = object(place, 'managingOrganization');
  const name =
    conceptText(object(appointment, 'appointmentType')) ??
    list(appointment, 'serviceType')
      .map(conceptText)
      .find((words) => words !== undefined);
  const title = string(appointment, 'description');
  return {
    id: string(appointment, 'id') ?? '',
    name: name ?? title ?? '',
    status: string(appointment, 'status') ?? '',
    statusWords: list(object(appointment, '_status'), 'extension')
      .map((extension) => string(extension, 'valueString'))
      .find((words) => words !== undefined),
    start: string(appointment, 'start'),
    end: string(appointment, 'end'),
    people: referred.names([...ofActor('Practitioner'), ...ofActor('PractitionerRole')]),
    place:
      placeOf(place, referred.name(location)) ?? placeOf(referred.resource(organization), referred.name(organization)),
    directions: string(place, 'description'),
    reasons: list(appointment, 'reasonCode').flatMap((reason) => conceptText(reason) ?? []),
    comment: string(appointment, 'comment') ?? (title === name ? undefined : title),
    instructions: string(appointment, 'patientInstruction'),
    cancelReason: conceptText(object(appointment, 'cancelationReason')),
    withdrawn: string(appointment, 'status') === 'entered-in-error',
    notes: noteTexts(appointment),
  };
}
