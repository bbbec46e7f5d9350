import { isWhole, isWithin, withinRange, type DayRange } from '../chart/clinical-span.js';
import { withdrawnIds } from '../chart/fhir.js';
import { ageOf, partsIn, resourcesIn, skippedIn, type GatheredChart } from '../chart/gathered-chart.js';
import { problemNames, problemNamesByCode } from '../chart/problem.js';
import { readProfile } from '../chart/profile.js';
import { waitingIn } from '../chart/release-wish.js';
import { absentTitles, PART_TITLES, type PartName } from '../state/part-titles.js';
import { text } from '../text.js';
import {
  appointmentBlocks,
  assessmentBlocks,
  carePlanBlocks,
  careTeamBlocks,
  coverageBlocks,
  documentBlocks,
  encounterBlocks,
  goalBlocks,
  practiceBlocks,
} from './care-parts.js';
import {
  allergyBlocks,
  deviceBlocks,
  immunizationBlocks,
  medicationBlocks,
  problemBlocks,
  procedureBlocks,
  profileBlocks,
  socialHistoryBlocks,
} from './health-parts.js';
import {
  billingBlocks,
  noteBlocks,
  otherReportBlocks,
  resultBlocks,
  threadBlocks,
  vitalBlocks,
} from './reading-parts.js';
import type { Block, SheetTools } from './sheet.js';

/** A record as it is printed. */
export interface RecordSheet {
  title: string;
  patient: string;
  /** what the file is and how old, above everything else */
  head: readonly (readonly [string, string])[];
  notices: readonly string[];
  parts: readonly { title: string; blocks: readonly Block[] }[];
}

export interface SheetFrame extends Omit<SheetTools, 'isWithin' | 'problem' | 'problemOfCode'> {
  practiceName: string;
  now: Date;
}

interface Part {
  /** section of the chart, or the index of several */
  name: PartName;
  /** what is said when the part came and is empty */
  none: string;
  blocks: (resources: unknown[], tools: SheetTools, content: unknown) => Block[];
}

/** In the order of the pages. */
const PARTS: readonly Part[] = [
  { name: 'profile', none: text.profile.none, blocks: profileBlocks },
  { name: 'allergies', none: text.allergies.none, blocks: allergyBlocks },
  { name: 'problems', none: text.problems.none, blocks: problemBlocks },
  { name: 'medications', none: text.medications.none, blocks: medicationBlocks },
  { name: 'immunizations', none: text.immunizations.none, blocks: immunizationBlocks },
  { name: 'procedures', none: text.procedures.none, blocks: procedureBlocks },
  { name: 'devices', none: text.devices.none, blocks: deviceBlocks },
  { name: 'results', none: text.results.none, blocks: resultBlocks },
  { name: 'reports', none: text.reports.none, blocks: otherReportBlocks },
  { name: 'vitals', none: text.vitals.none, blocks: vitalBlocks },
  { name: 'care-team', none: text.careTeam.none, blocks: careTeamBlocks },
  { name: 'care-plan', none: text.carePlan.nonePlans, blocks: carePlanBlocks },
  { name: 'goals', none: text.carePlan.noneGoals, blocks: goalBlocks },
  { name: 'assessments', none: text.assessments.none, blocks: assessmentBlocks },
  {
    name: 'social-history',
    none: text.socialHistory.none,
    blocks: socialHistoryBlocks,
  },
  {
    name: 'appointments',
    none: text.visits.upcomingNone,
    blocks: appointmentBlocks,
  },
  { name: 'encounters', none: text.visits.none, blocks: encounterBlocks },
  { name: 'notes', none: text.notes.none, blocks: noteBlocks },
  { name: 'documents', none: text.documents.none, blocks: documentBlocks },
  {
    name: 'messages',
    none: text.messages.none,
    blocks: (_none, tools, content) => threadBlocks(content, tools),
  },
  { name: 'coverage', none: text.coverage.none, blocks: coverageBlocks },
  {
    name: 'billing',
    none: text.billing.none,
    blocks: (_none, tools, content) => billingBlocks(content, tools),
  },
  { name: 'practice', none: text.practice.none, blocks: practiceBlocks },
];

const words = text.download.pdfText;

/** Pure: the chart in words, as the pages say it. */
export function recordSheet(chart: GatheredChart, frame: SheetFrame): RecordSheet {
  const isoDay = (instant: string): string | null => frame.dates.isoDay(instant);
  const problemResources = resourcesIn(chart.sections.get('problems'));
  const problems = problemNames(problemResources);
  const tools: SheetTools = {
    ...frame,
    isWithin: (value) => isWithin(value, frame.range, isoDay),
    problem: (id) => problems.get(id),
    problemOfCode: problemNamesByCode(problemResources),
  };
  const age = ageOf(chart, frame.now.getTime());
  const at = chart.asOf === null ? null : frame.dates.moment(chart.asOf, { zone: true });
  const profile = readProfile(resourcesIn(chart.sections.get('profile')));
  const absent = absentTitles(chart);
  const mayClaim = age === 'current' || age === 'amber';
  return {
    title: words.title,
    patient: profile?.name ?? '',
    head: [
      [words.patient, profile?.name ?? ''],
      [words.birthDate, profile?.birthDate === undefined ? '' : frame.dates.day(profile.birthDate, 'long')],
      [words.recordNumber, profile?.recordNumber ?? ''],
      [words.clinic, frame.practiceName],
      [words.days, text.download.range(frame.range, (day) => frame.dates.day(day))],
      [words.made, words.madeOn(frame.dates.moment(frame.now.toISOString(), { zone: true }))],
    ],
    notices: [
      text.download.age(age, at),
      ...(isWhole(frame.range) ? [] : [words.undated]),
      words.notFiles,
      ...(absent.length === 0 ? [] : [text.download.absent(absent)]),
    ],
    parts: PARTS.filter(({ name }) => chart.sections.has(name)).map((part) => ({
      title: PART_TITLES[part.name],
      blocks: blocksOf(part, chart, tools, mayClaim),
    })),
  };
}

/** Only a part of a fresh chart may be called empty, and only of the whole record. */
function blocksOf(part: Part, chart: GatheredChart, tools: SheetTools, mayClaim: boolean): Block[] {
  const index = chart.sections.get(part.name);
  const contents = [index, ...partsIn(index).map((name) => chart.sections.get(name))];
  const said = contents.flatMap((content) => contentBlocks(part, content, tools));
  const shown = said.filter((block) => !('rows' in block) || block.rows.length > 0);
  const empty = mayClaim ? emptyWords(part, tools.range) : text.record.noneStale;
  const old = part.name === 'billing' && !mayClaim ? text.billing.notCurrent : null;
  return [
    ...(old === null ? [] : [{ kind: 'notice', words: old } as const]),
    ...(shown.length === 0 ? [{ kind: 'paragraph', words: empty } as const] : shown),
  ];
}

const emptyWords = (part: Part, range: DayRange): string => (isWhole(range) ? part.none : words.noneInDays);

function contentBlocks(part: Part, content: unknown, tools: SheetTools): Block[] {
  const withdrawn = withdrawnIds(content).length;
  const waiting = waitingIn(content);
  const skipped = skippedIn(content);
  const resources = withinRange(resourcesIn(content), tools.range, (instant) => tools.dates.isoDay(instant));
  return [
    ...(withdrawn === 0 ? [] : [{ kind: 'notice', words: words.withdrawn(withdrawn) } as const]),
    ...(waiting === 0 ? [] : [{ kind: 'notice', words: text.releaseWish.notInFile(waiting) } as const]),
    ...(skipped === 0 ? [] : [{ kind: 'notice', words: words.skipped(skipped) } as const]),
    ...part.blocks(resources, tools, content),
  ];
}
