import type { RecordClass } from 'sync-contract/classes';
import type {
  BillingContent,
  Resource,
  ResourcesContent,
  ResultYearsContent,
  ThreadContent,
  ThreadsContent,
  YearsContent,
} from 'sync-contract/section-content';
import type { ThreadOfMail } from '../openemr/mail-thread.js';
import { CLASSES_BESIDE_PROFILE, type ChartRows, type RowsOfClass } from '../openemr/read-chart.js';
import type { MailRow } from '../openemr/read-messages.js';
import { ClinicTime } from './clinic-time.js';
import { ListOptions } from './coded-values.js';
import { People } from './people.js';
import { renderAppointments } from './render-appointments.js';
import { renderAssessments } from './render-assessments.js';
import { renderBilling } from './render-billing.js';
import { renderCarePlan } from './render-care-plan.js';
import { renderCareTeam } from './render-care-team.js';
import { renderCoverage } from './render-coverage.js';
import { renderEncounters } from './render-encounters.js';
import { renderAllergies } from './render-allergies.js';
import { renderDevices } from './render-devices.js';
import { renderImmunizations } from './render-immunizations.js';
import { renderDocuments } from './render-documents.js';
import { renderMedications } from './render-medications.js';
import { renderMessages } from './render-messages.js';
import { renderProblems } from './render-problems.js';
import { renderProcedures } from './render-procedures.js';
import { renderNotes, renderReports } from './render-notes.js';
import { renderGoals } from './render-goals.js';
import { renderPractice } from './render-practice.js';
import { renderProfile } from './render-profile.js';
import { renderResults } from './render-results.js';
import { renderSocialHistory } from './render-social-history.js';
import type { RenderTools } from './render-tools.js';
import { renderVitals } from './render-vitals.js';
import { ResourceIds } from './resource-id.js';

/** What a render needs beside the rows. */
export interface ChartContext {
  siteId: string;
  /** ledger key that names resources, 32 bytes */
  resourceIdKey: Uint8Array;
  /** the clinic's zone; the snapshot's unless a test says otherwise */
  timeZone: string;
  /** what the ledger knows of a copy that the patient owns; `threadMapper` makes it */
  threadOf(mail: MailRow): ThreadOfMail;
}

export interface RenderedSection {
  name: string;
  recordClass: RecordClass;
  content: ResourcesContent | BillingContent | YearsContent | ResultYearsContent | ThreadsContent | ThreadContent;
  /** entries that could not be shown because they cannot be read, or nothing in them can */
  skipped: number;
}

/** What the renderers of one chart share. */
interface Rendering {
  context: ChartContext;
  /** with people of its own: a section carries those that it names */
  tools: () => RenderTools;
}

type RenderClass<Rows> = (rows: Rows, rendering: Rendering) => RenderedSection[];
/** The sections of one class; none when its rows were not read. */
type RenderPart = (parts: Partial<RowsOfClass>, rendering: Rendering) => RenderedSection[];

const RENDERERS: Record<keyof RowsOfClass, RenderPart> = {
  problems: listPart('problems', renderProblems),
  medications: listPart('medications', renderMedications),
  allergies: listPart('allergies', renderAllergies),
  immunizations: listPart('immunizations', renderImmunizations),
  procedures: listPart('procedures', renderProcedures),
  devices: listPart('devices', renderDevices),
  'social-history': listPart('social-history', renderSocialHistory),
  results: part('results', resultSections),
  messages: part('messages', messageSections),
  appointments: listPart('appointments', renderAppointments),
  coverage: listPart('coverage', renderCoverage),
  vitals: part('vitals', vitalSections),
  encounters: listPart('encounters', renderEncounters),
  documents: listPart('documents', renderDocuments),
  notes: listPart('notes', renderNotes),
  reports: listPart('reports', renderReports),
  'care-team': listPart('care-team', renderCareTeam),
  'care-plan': listPart('care-plan', renderCarePlan),
  goals: listPart('goals', renderGoals),
  assessments: listPart('assessments', renderAssessments),
  practice: listPart('practice', renderPractice),
  billing: part('billing', (rows, { tools }) => [
    { name: 'billing', recordClass: 'billing', content: renderBilling(rows, tools()), skipped: 0 },
  ]),
};

/**
 * Sections of the classes that `rows` carries. Pure: equal rows and context give equal content, in a fixed order and
 * without columns that move by themselves, so that an equal hash means an unchanged section. A class always yields
 * its index or its one section, even when empty; years and threads exist only while they have something.
 */
export function renderChart(rows: ChartRows, context: ChartContext): RenderedSection[] {
  const ids = new ResourceIds(context.resourceIdKey);
  const time = new ClinicTime(context.timeZone);
  const options = new ListOptions(rows.lookups.listOptions);
  const rendering: Rendering = {
    context,
    tools: () => ({
      siteId: context.siteId,
      pid: rows.pid,
      readOn: rows.readOn,
      ids,
      time,
      options,
      people: new People(ids, rows.lookups),
    }),
  };
  const sections = [
    listSection('profile', { resources: renderProfile(rows.profile, rendering.tools()), skipped: 0 }),
    ...CLASSES_BESIDE_PROFILE.flatMap((recordClass) => RENDERERS[recordClass](rows, rendering)),
  ];
  const left = rows.unreadable.filter(({ isEntry }) => isEntry);
  return sections.map((section) =>
    withUnreadable(section, left.filter(({ recordClass }) => recordClass === section.recordClass).length),
  );
}

/** Entries that the reader left out are told like those of which there is nothing to show. */
function withUnreadable(section: RenderedSection, entries: number): RenderedSection {
  const { content } = section;
  if (entries === 0 || !('resources' in content)) {
    return section;
  }
  const skipped = section.skipped + entries;
  return { ...section, content: { ...content, skipped }, skipped };
}

interface RenderedList {
  resources: Resource[];
  skipped: number;
}

function part<Class extends keyof RowsOfClass>(
  recordClass: Class,
  render: RenderClass<RowsOfClass[Class]>,
): RenderPart {
  return (parts, rendering) => {
    const rows = parts[recordClass];
    return rows === undefined ? [] : render(rows, rendering);
  };
}

/** A class that is one section. */
function listPart<Class extends keyof RowsOfClass>(
  recordClass: Class,
  render: (rows: RowsOfClass[Class], tools: RenderTools) => RenderedList,
): RenderPart {
  return part(recordClass, (rows, { tools }) => [listSection(recordClass, render(rows, tools()))]);
}

/** The page says how many entries it cannot show, and that they are no absence. */
function listSection(recordClass: RecordClass, { resources, skipped }: RenderedList): RenderedSection {
  const content: ResourcesContent = skipped === 0 ? { resources } : { resources, skipped };
  return { name: recordClass, recordClass, content, skipped };
}

/** What a class has of one calendar year of the clinic. */
export interface RenderedYear extends RenderedList {
  year: number | 'undated';
  /** number of entries, not of resources */
  count: number;
  /** newest time; null when undated */
  newest: string | null;
}

/** An index of years, newest first and `undated` last, and a section for each. */
function yearSections(recordClass: RecordClass, years: readonly RenderedYear[]): RenderedSection[] {
  const nameOf = ({ year }: RenderedYear): string => `${recordClass}/${String(year)}`;
  const index = years.map((each) => ({
    section: nameOf(each),
    year: each.year,
    count: each.count,
    newest: each.newest,
  }));
  return [
    { name: recordClass, recordClass, content: { years: index }, skipped: 0 },
    ...years.map((each) => ({ ...listSection(recordClass, each), name: nameOf(each) })),
  ];
}

function resultSections(rows: RowsOfClass['results'], { tools }: Rendering): RenderedSection[] {
  const years = renderResults(rows, tools(), () => tools().people);
  return yearSections(
    'results',
    years.map((year) => ({ ...year, skipped: 0 })),
  );
}

function vitalSections(rows: RowsOfClass['vitals'], { tools }: Rendering): RenderedSection[] {
  const years = renderVitals(rows, tools(), () => tools().people);
  return yearSections(
    'vitals',
    years.map((year) => ({ ...year, skipped: 0 })),
  );
}

function messageSections(rows: RowsOfClass['messages'], { context, tools }: Rendering): RenderedSection[] {
  const { ids, time } = tools();
  const threadOf = (mail: MailRow): ThreadOfMail => context.threadOf(mail);
  const { index, threads, skipped } = renderMessages(rows, { ids, time, threadOf });
  return [
    { name: 'messages', recordClass: 'messages', content: index, skipped },
    ...threads.map((thread): RenderedSection => ({
      name: `messages/${thread.threadId}`,
      recordClass: 'messages',
      content: thread,
      skipped: 0,
    })),
  ];
}
