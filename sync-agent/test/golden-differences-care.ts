import {
  DISPLAY,
  WRONG_OFFSET,
  both,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsTime,
  personName,
  sameDay,
  sameWallClock,
  theirs,
  theirsMatches,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';
import type { RecordedRow } from 'infra/openemr-sim/sim-data';

const ROLE =
  "The role in this patient's care team; OpenEMR gives the kind of physician from the staff list, or a role of its own.";
const SITE = 'A site is no member: each of its people acts on its behalf.';
const INVENTED = 'OpenEMR says the same of every goal; nobody entered it.';
const NARRATIVE = 'No markup is replicated; the narrative is the description.';
const DROPPED = "OpenEMR's FHIR drops it.";

const membersOf = ({ row, rows }: DifferenceFacts): RecordedRow[] =>
  rows.all('care_team_member').filter(({ care_team_id }) => care_team_id === row['id']);
/** The value stands with one of the team's members. */
const ofMember =
  (read: (member: RecordedRow, facts: DifferenceFacts) => unknown): Holds =>
  (facts) =>
    membersOf(facts).some((member) => read(member, facts) === facts.difference.ours);
const roleOf = (member: RecordedRow, facts: DifferenceFacts): RecordedRow =>
  optionOf(facts, 'care_team_roles', member['role']);
const facilityOf = (id: RecordedRow[string] | undefined, { rows }: DifferenceFacts): RecordedRow | undefined =>
  rows.find('facility', { id: id ?? null });
const nameOfMember = (member: RecordedRow, { rows }: DifferenceFacts): string => {
  const user = rows.find('users', { id: member['user_id'] ?? null });
  const contact = rows.find('contact', { id: member['contact_id'] ?? null });
  const person = rows.find('person', { id: contact?.['foreign_id'] ?? null });
  return user === undefined ? `${String(person?.['first_name'])} ${String(person?.['last_name'])}` : personName(user);
};

/** The lines of the form that the plan or goal was made of. */
const linesOf = ({ row, rows }: DifferenceFacts): RecordedRow[] =>
  rows.all('form_care_plan').filter(({ id }) => id === row['id']);
const goalOf = (facts: DifferenceFacts): RecordedRow =>
  linesOf(facts).find(({ care_plan_type }) => care_plan_type === 'goal') ?? {};
const ofLine =
  (read: (planLine: RecordedRow, facts: DifferenceFacts) => unknown): Holds =>
  (facts) =>
    linesOf(facts).some((planLine) => read(planLine, facts) === facts.difference.ours);
const author: Holds = ofLine((planLine, { rows }) =>
  personName(rows.find('users', { username: planLine['user'] ?? null }) ?? {}),
);
const encounterOf = ({ row, rows }: DifferenceFacts): string =>
  `Encounter/${uuidOf(rows.find('form_encounter', { encounter: Number(row['encounter']) }) ?? {})}`;
const sameLines: Holds = ({ difference }) =>
  String(difference.theirs).split('\n').sort().join('\n') === String(difference.ours).split('\n').sort().join('\n');
const startsThen: Holds = both(
  sameWallClock,
  oursIsTime(({ row }) => row['date']),
);

/** Differences of CareTeam. */
export const CARE_TEAM_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('CareTeam', [12, 3]),
  line('CareTeam', 'participant[].member.display', 'added', [34, 7], DISPLAY, ofMember(nameOfMember)),
  line(
    'CareTeam',
    'participant[].onBehalfOf.display',
    'added',
    [30, 6],
    DISPLAY,
    ofMember((member, facts) => facilityOf(member['facility_id'], facts)?.['name']),
  ),
  line('CareTeam', 'participant[].member.reference', 'left out', [24, 6], SITE, (facts) =>
    membersOf(facts).some(
      (member) => facts.difference.theirs === `Organization/${uuidOf(facilityOf(member['facility_id'], facts) ?? {})}`,
    ),
  ),
  line('CareTeam', 'participant[].member.type', 'left out', [24, 6], SITE, theirs('Organization')),
  line('CareTeam', 'participant[].role[].coding[].code', 'left out', [24, 6], SITE, theirs('43741000')),
  line('CareTeam', 'participant[].role[].coding[].display', 'left out', [24, 6], SITE, theirs('Healthcare facility')),
  line('CareTeam', 'participant[].role[].coding[].system', 'left out', [24, 6], SITE, theirs('http://snomed.info/sct')),
  line(
    'CareTeam',
    'participant[].role[].coding[].code',
    'changed',
    [34, 7],
    ROLE,
    ofMember((member, facts) => String(roleOf(member, facts)['codes']).replace('SNOMED-CT:', '')),
  ),
  line(
    'CareTeam',
    'participant[].role[].coding[].display',
    'changed',
    [24, 6],
    ROLE,
    ofMember((member, facts) => roleOf(member, facts)['title']),
  ),
  line(
    'CareTeam',
    'participant[].role[].text',
    'added',
    [34, 7],
    ROLE,
    ofMember((member, facts) => roleOf(member, facts)['title']),
  ),
];

/** Differences of CarePlan. */
export const CARE_PLAN_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('CarePlan', [29, 10]),
  line(
    'CarePlan',
    '(resource)',
    'added',
    [6, 0],
    "Instructions to the patient are planned too; OpenEMR's FHIR shows one kind of line only.",
    ({ row }) => row['care_plan_type'] === 'instructions',
  ),
  line('CarePlan', 'text.status', 'left out', [29, 10], NARRATIVE, theirs('generated')),
  line('CarePlan', 'text.div', 'left out', [29, 10], NARRATIVE, theirsMatches(/^<div [^>]*>(<p>[^<]*<\/p>)+<\/div>$/)),
  line(
    'CarePlan',
    'description',
    'changed',
    [6, 1],
    'The table keeps no order among the lines of a form; ours is by what they say and stays.',
    sameLines,
  ),
  line(
    'CarePlan',
    'activity[].detail.code.text',
    'added',
    [6, 3],
    'Free text without a code says what kind of thing is planned.',
    ofLine((planLine, facts) => optionOf(facts, 'Plan_of_Care_Type', planLine['care_plan_type'])['title']),
  ),
  line('CarePlan', 'activity[].detail.performer[].display', 'added', [50, 17], DISPLAY, author),
  line('CarePlan', 'author.display', 'added', [29, 10], DISPLAY, author),
  line(
    'CarePlan',
    'activity[].detail.scheduledPeriod.end',
    'added',
    [23, 7],
    DROPPED,
    ofLine((planLine) => String(planLine['date_end']).slice(0, 10)),
  ),
  line('CarePlan', 'activity[].detail.scheduledPeriod.start', 'changed', [0, 12], WRONG_OFFSET, startsThen),
  line('CarePlan', 'period.start', 'changed', [0, 7], WRONG_OFFSET, startsThen),
  line(
    'CarePlan',
    'activity[].detail.status',
    'changed',
    [10, 4],
    'What is on hold is not going on.',
    both(theirs('in-progress'), ours('on-hold'), (facts) =>
      linesOf(facts).some((each) => each['care_plan_type'] !== 'goal' && each['plan_status'] === 'on-hold'),
    ),
  ),
  line(
    'CarePlan',
    'encounter.reference',
    'added',
    [29, 10],
    DROPPED,
    oursIs((_row, facts) => encounterOf(facts)),
  ),
  line('CarePlan', 'encounter.type', 'added', [29, 10], DROPPED, ours('Encounter')),
  line('CarePlan', 'period.end', 'changed', [23, 7], 'Midnight stands for a plain date; OpenEMR keeps it.', sameDay),
];

/** Differences of Goal. */
export const GOAL_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Goal', [23, 7]),
  line('Goal', 'achievementStatus.coding[].code', 'left out', [23, 7], INVENTED, theirs('in-progress')),
  line('Goal', 'achievementStatus.coding[].display', 'left out', [23, 7], INVENTED, theirs('In Progress')),
  line(
    'Goal',
    'achievementStatus.coding[].system',
    'left out',
    [23, 7],
    INVENTED,
    theirs('http://terminology.hl7.org/CodeSystem/goal-achievement'),
  ),
  line('Goal', 'category[].coding[].code', 'left out', [23, 7], INVENTED, theirs('physiological')),
  line('Goal', 'category[].coding[].display', 'left out', [23, 7], INVENTED, theirs('Physiological')),
  line(
    'Goal',
    'category[].coding[].system',
    'left out',
    [23, 7],
    INVENTED,
    theirs('http://hl7.org/fhir/goal-category'),
  ),
  ...(['description.coding[].display', 'target[].measure.coding[].display', 'target[].measure.text'] as const).map(
    (path) =>
      line(
        'Goal',
        path,
        'added',
        [23, 7],
        'The words that stand with the code; OpenEMR has an object where a text belongs.',
        oursIs((_row, facts) => goalOf(facts)['codetext']),
      ),
  ),
  line(
    'Goal',
    'target[].measure.coding[].display.extension[].url',
    'left out',
    [23, 7],
    'An object where FHIR has a text.',
    theirs('http://hl7.org/fhir/StructureDefinition/data-absent-reason'),
  ),
  line(
    'Goal',
    'target[].measure.coding[].display.extension[].valueCode',
    'left out',
    [23, 7],
    'An object where FHIR has a text.',
    theirs('unknown'),
  ),
  line(
    'Goal',
    'startDate',
    'added',
    [23, 7],
    DROPPED,
    oursIs((_row, facts) => String(goalOf(facts)['date']).slice(0, 10)),
  ),
  line('Goal', 'expressedBy.display', 'added', [23, 7], DISPLAY, author),
];
