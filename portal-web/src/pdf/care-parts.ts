import { readAppointments } from '../chart/appointment.js';
import { readAssessments } from '../chart/assessment.js';
import { readCarePlans, readCareTeams, readGoals } from '../chart/care.js';
import { readCoverages } from '../chart/coverage.js';
import { readDocuments } from '../chart/documents.js';
import { diagnosesOf, readEncounters } from '../chart/encounter.js';
import { list } from '../chart/fhir.js';
import { readPractice } from '../chart/practice-info.js';
import type { Place } from '../chart/referred.js';
import { text } from '../text.js';
import { entryTable, facts, lines, type Block, type SheetTools } from './sheet.js';

const placeWords = (place: Place | null): string =>
  [place?.name ?? '', ...(place?.address ?? []), ...(place?.phones ?? [])].filter((part) => part !== '').join(', ');

export function careTeamBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.careTeam;
  return readCareTeams(resources).flatMap((team): Block[] => [
    { kind: 'heading', words: team.name === '' ? words.unnamed : team.name },
    ...(team.withdrawn ? [{ kind: 'paragraph', words: text.record.withdrawn } as const] : []),
    {
      kind: 'facts',
      rows: team.members.map(({ name, roles, organization, phones, since, until }) => [
        name,
        lines(
          ['', roles],
          ['', organization],
          ['', phones],
          ['', since === undefined ? null : words.since(tools.dates.day(since))],
          ['', until === undefined ? null : words.until(tools.dates.day(until))],
        ),
      ]),
    },
    ...team.notes.map((note) => ({ kind: 'paragraph', words: note }) as const),
  ]);
}

export function carePlanBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.carePlan;
  return [
    entryTable(
      readCarePlans(resources).map((plan) => ({ ...plan, name: plan.name === '' ? words.unnamed : plan.name })),
      ({ period }) => tools.timing(period),
      (plan) => [
        ['', words.status(plan.status)],
        ['', plan.description],
        [words.reason, [...new Set(plan.reasons)]],
        tools.recorded(plan.recorded),
        ...plan.activities.map(({ what, status, scheduled }) => {
          const state = [words.activityStatus(status), tools.timing(scheduled)].filter(
            (part) => typeof part === 'string',
          );
          return [words.activities, state.length === 0 ? what : `${what} (${state.join(', ')})`] as const;
        }),
      ],
    ),
  ];
}

export function goalBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.carePlan;
  return [
    entryTable(
      readGoals(resources),
      ({ start }) => (start === undefined ? undefined : tools.dates.day(start)),
      (goal) => [
        ['', words.goalStatus(goal.status)],
        ['', words.achievement(goal.achievement)],
        ...goal.targets.map(
          ({ words: target, due }) =>
            [
              words.target,
              [target ?? '', due === undefined ? '' : `${words.due}: ${tools.dates.day(due)}`].filter(Boolean),
            ] as const,
        ),
        tools.recorded(goal.recorded),
      ],
    ),
  ];
}

export function assessmentBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.assessments;
  return [
    entryTable(
      readAssessments(resources, tools.number, tools.yesNo).map((each) => ({
        ...each,
        name: each.name === '' ? words.unnamed : each.name,
      })),
      ({ at }) => (at === undefined ? undefined : tools.dates.day(at)),
      (assessment) => [
        ['', assessment.status === 'in-progress' ? words.partial : null],
        [words.result, assessment.result],
        tools.recorded(assessment.recorded),
        ...assessment.answers.map(({ question, answer }) => [question, answer ?? words.noAnswer] as const),
      ],
    ),
  ];
}

export function encounterBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.visits;
  return [
    entryTable(
      readEncounters(resources),
      ({ start, end }) => (start === undefined ? undefined : tools.dates.span(start, end, { zone: true })),
      (encounter) => [
        ['', words.encounterStatus(encounter.status)],
        [words.setting, encounter.setting],
        [words.with, encounter.people.map(({ name, role }) => (role === undefined ? name : `${name} (${role})`))],
        [words.where, placeWords(encounter.place)],
        [words.reason, encounter.reasons],
        [words.diagnoses, diagnosesOf(encounter, tools.problem)],
        [words.disposition, encounter.disposition],
      ],
    ),
  ];
}

export function appointmentBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.visits;
  return [
    entryTable(
      readAppointments(resources).map((appointment) => ({
        ...appointment,
        name: appointment.name === '' ? words.unnamedAppointment : appointment.name,
        current: true,
        codes: [],
      })),
      ({ start, end }) => (start === undefined ? undefined : tools.dates.span(start, end, { zone: true })),
      (appointment) => [
        ['', appointment.statusWords ?? words.status(appointment.status)],
        [words.with, appointment.people],
        [words.where, placeWords(appointment.place)],
        [words.directions, appointment.directions],
        [words.reason, appointment.reasons],
        [words.comment, appointment.comment],
        [words.instructions, appointment.instructions],
        [words.cancelReason, appointment.cancelReason],
      ],
    ),
  ];
}

/** The list; the files are saved one by one. */
export function documentBlocks(resources: unknown[], tools: SheetTools, content: unknown): Block[] {
  const words = text.documents;
  return [
    entryTable(
      readDocuments(resources, list(content, 'contents')).map((document) => ({
        ...document,
        name: words.name(document),
        // Nothing on paper goes on being made.
        said: words.state(document, true),
        current: true,
        withdrawn: false,
        notes: [],
        codes: [],
      })),
      ({ date }) => (date === undefined ? undefined : tools.dates.day(date)),
      ({ category, ccd, said }) => [
        ['', ccd === null ? category : text.ccd.range(ccd, (day) => tools.dates.day(day))],
        ['', said],
      ],
    ),
  ];
}

export function coverageBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.coverage;
  return [
    entryTable(
      readCoverages(resources, tools.money).map((coverage) => ({
        ...coverage,
        name: coverage.name === '' ? words.unnamed : coverage.name,
      })),
      ({ period }) => tools.timing(period),
      (coverage) => [
        ['', words.status(coverage.status)],
        ['', coverage.order === undefined ? null : words.order(coverage.order)],
        [words.memberId, coverage.memberId],
        [words.group, coverage.group],
        [words.plan, coverage.plan],
        [words.kind, coverage.kind],
        [
          words.relationship,
          coverage.relationship === undefined
            ? null
            : (words.relationships[coverage.relationship.toLowerCase()] ?? coverage.relationship),
        ],
        [words.subscriber, coverage.subscriber],
        [words.copay, coverage.copay],
      ],
    ),
  ];
}

export function practiceBlocks(resources: unknown[]): Block[] {
  const { sites, people } = readPractice(resources);
  const words = text.practice;
  const site = sites.map((each) => [each.name ?? words.title, placeWords({ ...each, name: undefined })] as const);
  const staff = people.map(({ name, qualification }) => [name, qualification ?? '–'] as const);
  return [
    ...(site.length === 0 ? [] : [{ kind: 'heading', words: words.sites } as const, facts(...site)]),
    ...(staff.length === 0 ? [] : [{ kind: 'heading', words: words.people } as const, facts(...staff)]),
  ];
}
