import {
  DISPLAY,
  WRONG_OFFSET,
  both,
  line,
  metaLines,
  optionOf,
  oursIs,
  oursIsColumn,
  oursIsTime,
  personName,
  sameWallClock,
  theirsMatches,
  userOf,
  type DifferenceFacts,
  type ExpectedDifference,
} from './golden-difference.js';

const DROPPED = "What the calendar says about the appointment; OpenEMR's FHIR drops it.";
const categoryOf = ({ row, rows }: DifferenceFacts): ReturnType<DifferenceFacts['rows']['find']> =>
  rows.find('openemr_postcalendar_categories', { pc_catid: row['pc_catid'] ?? null });

/** Differences of Appointment. */
export const APPOINTMENT_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Appointment', [38, 11]),
  line(
    'Appointment',
    'appointmentType.coding[].system',
    'left out',
    [38, 11],
    "The category is the practice's own; OpenEMR gives the address of its web server as the system.",
    theirsMatches(/^https:\/\/127\.0\.0\.1:9300$/),
  ),
  line(
    'Appointment',
    'appointmentType.text',
    'added',
    [38, 11],
    'The category in words, for a page that knows no codes.',
    oursIs((_row, facts) => categoryOf(facts)?.['pc_catname']),
  ),
  line(
    'Appointment',
    'cancelationReason.text',
    'added',
    [14, 5],
    'Who cancels a day before and who does not come are told apart by the practice.',
    oursIs((row, facts) => optionOf(facts, 'apptstat', row['pc_apptstatus'])['title']),
  ),
  line('Appointment', 'comment', 'added', [13, 4], DROPPED, oursIsColumn('pc_hometext')),
  line('Appointment', 'description', 'added', [38, 11], DROPPED, oursIsColumn('pc_title')),
  line(
    'Appointment',
    'minutesDuration',
    'added',
    [38, 11],
    DROPPED,
    oursIs((row) => Number(row['pc_duration']) / 60),
  ),
  line('Appointment', 'participant[].actor.display', 'added', [76, 22], DISPLAY, (facts) =>
    [
      personName(userOf(facts, Number(facts.row['pc_aid']))),
      facts.rows.find('facility', { id: facts.row['pc_facility'] ?? null })?.['name'],
    ].includes(String(facts.difference.ours)),
  ),
  line(
    'Appointment',
    'start',
    'changed',
    [0, 6],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => `${String(row['pc_eventDate'])} ${String(row['pc_startTime'])}`),
    ),
  ),
  line(
    'Appointment',
    'end',
    'changed',
    [0, 6],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => `${String(row['pc_eventDate'])} ${String(row['pc_endTime'])}`),
    ),
  ),
];
