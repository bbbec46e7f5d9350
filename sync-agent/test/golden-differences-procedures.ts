import {
  DISPLAY,
  ICD10_CM,
  ONE_PROFILE,
  WRONG_OFFSET,
  both,
  codesOf,
  line,
  metaLines,
  ours,
  oursIs,
  oursIsColumn,
  oursIsTime,
  personName,
  sameWallClock,
  theirs,
  theirsMatches,
  userNamed,
  userOf,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';
import type { ComparedType } from './golden-set.js';

const LABORATORY =
  'A laboratory test stands with the results, whatever its order is titled; OpenEMR answers it as a procedure as well.';
const PREFIX = 'A code is the code alone; OpenEMR leaves its own word for the system inside.';
const NAME = "OpenEMR's FHIR drops what the procedure is called.";
const VISIT = "OpenEMR's FHIR looks a procedure's visit up by the wrong number and so drops it.";
const PERIOD = "OpenEMR's FHIR drops when a procedure ended.";
const DONE = 'A procedure of the past was done, with an end or without; OpenEMR calls it in progress.';
const PERFORMED = 'It was performed when it was recorded as performed; OpenEMR gives the time of the report.';
const ORDERED = 'Who ordered it recorded it; no row says that he performed it.';
const REPORT = 'The report of a procedure is named with it.';

const added =
  (type: ComparedType) =>
  (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
    line(type, path, 'added', count, reason, holds);
const procedure = added('Procedure');
const device = added('Device');
const leftOut = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Procedure', path, 'left out', count, reason, holds);
const changed = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Procedure', path, 'changed', count, reason, holds);

const lineOf = ({ row, rows }: DifferenceFacts): ReturnType<typeof userNamed> =>
  rows.find('procedure_order_code', { procedure_order_id: row['procedure_order_id'] ?? null }) ?? {};
const reportOfOrder = ({ row, rows }: DifferenceFacts): ReturnType<typeof userNamed> =>
  rows.find('procedure_report', { procedure_order_id: row['procedure_order_id'] ?? null }) ?? {};
const isOrder: Holds = ({ row }) => 'procedure_order_id' in row;
const recorderOf = (facts: DifferenceFacts): ReturnType<typeof userNamed> =>
  isOrder(facts) ? userOf(facts, facts.row['provider_id']) : userNamed(facts);

/** Differences of Procedure. */
export const PROCEDURE_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Procedure', [47, 12]),
  leftOut('(resource)', [4, 1], LABORATORY, (facts) => lineOf(facts)['procedure_type'] === 'laboratory_test'),
  leftOut('meta.profile[]', [137, 35], ONE_PROFILE, theirsMatches(/us-core-procedure\|/)),
  changed('code.coding[].code', [43, 11], PREFIX, ({ row, difference }) =>
    codesOf(row).some(({ type, code }) => code === difference.ours && `${type}:${code}` === difference.theirs),
  ),
  procedure('code.text', [43, 11], NAME, oursIsColumn('title')),
  procedure(
    'code.text',
    [4, 1],
    NAME,
    oursIs((_row, facts) => lineOf(facts)['procedure_name']),
  ),
  procedure(
    'code.coding[].display',
    [4, 1],
    NAME,
    oursIs((_row, facts) => lineOf(facts)['procedure_name']),
  ),
  procedure('encounter.reference', [11, 3], VISIT, ({ row, rows, difference }) => {
    const link = rows.find('issue_encounter', { list_id: row['id'] ?? null });
    const visit = rows.find('form_encounter', { encounter: link?.['encounter'] ?? null });
    return visit !== undefined && difference.ours === `Encounter/${uuidOf(visit)}`;
  }),
  procedure('encounter.type', [11, 3], DISPLAY, ours('Encounter')),
  changed(
    'status',
    [23, 6],
    DONE,
    both(theirs('in-progress'), ours('completed'), ({ row }) => row['enddate'] === null),
  ),
  leftOut('performedDateTime', [20, 5], PERIOD, ({ row }) => row['enddate'] !== null),
  procedure(
    'performedPeriod.start',
    [20, 5],
    PERIOD,
    oursIsTime(({ row }) => row['begdate']),
  ),
  procedure(
    'performedPeriod.end',
    [20, 5],
    PERIOD,
    oursIsTime(({ row }) => row['enddate']),
  ),
  changed(
    'performedDateTime',
    [4, 1],
    PERFORMED,
    both(
      isOrder,
      oursIsTime((facts) => reportOfOrder(facts)['date_collected']),
    ),
  ),
  changed(
    'performedDateTime',
    [0, 3],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['begdate']),
    ),
  ),
  leftOut(
    'performer[].actor.reference',
    [4, 1],
    ORDERED,
    (facts) => facts.difference.theirs === `Practitioner/${uuidOf(userOf(facts, facts.row['provider_id']))}`,
  ),
  leftOut('performer[].actor.type', [4, 1], ORDERED, both(theirs('Practitioner'), isOrder)),
  procedure(
    'recorder.reference',
    [4, 1],
    ORDERED,
    both(
      isOrder,
      oursIs((_row, facts) => `Practitioner/${uuidOf(recorderOf(facts))}`),
    ),
  ),
  procedure('recorder.type', [4, 1], DISPLAY, both(isOrder, ours('Practitioner'))),
  procedure(
    'recorder.display',
    [47, 12],
    DISPLAY,
    oursIs((_row, facts) => personName(recorderOf(facts))),
  ),
  changed(
    'reasonCode[].coding[].system',
    [4, 1],
    ICD10_CM,
    both(theirs('http://hl7.org/fhir/sid/icd-10'), ours('http://hl7.org/fhir/sid/icd-10-cm')),
  ),
  procedure(
    'report[].reference',
    [4, 1],
    REPORT,
    oursIs((_row, facts) => `DiagnosticReport/${uuidOf(reportOfOrder(facts))}`),
  ),
  procedure('report[].type', [4, 1], REPORT, ours('DiagnosticReport')),
];

/** Differences of Device. */
export const DEVICE_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Device', [2, 1]),
  device(
    'meta.profile[]',
    [2, 1],
    'The resource follows the US Core profile and says so.',
    ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-implantable-device'),
  ),
  device(
    'status',
    [2, 1],
    'An entry in use is active.',
    both(ours('active'), ({ row }) => row['activity'] === 1),
  ),
  device('type.text', [2, 1], "OpenEMR's FHIR drops what the device is called.", oursIsColumn('title')),
  device(
    'deviceName[].name',
    [4, 2],
    "OpenEMR's FHIR drops what the device is called.",
    ({ row, difference }) =>
      difference.ours === row['title'] ||
      String(row['udi_data']).includes(`"deviceName": "${String(difference.ours)}"`),
  ),
  device(
    'deviceName[].type',
    [4, 2],
    "OpenEMR's FHIR drops what the device is called.",
    ours('user-friendly-name', 'udi-label-name'),
  ),
];
