import type { RecordClass } from 'sync-contract/classes';
import type { ResourcesContent, ThreadContent, ThreadsContent, YearsContent } from 'sync-contract/section-content';
import type { ThreadOfMail } from '../openemr/mail-thread.js';
import type { ChartRows } from '../openemr/read-chart.js';
import type { MailRow } from '../openemr/read-messages.js';
import { ClinicTime } from './clinic-time.js';
import { ListOptions } from './coded-values.js';
import { People } from './people.js';
import { renderMedications } from './render-medications.js';
import { renderMessages } from './render-messages.js';
import { renderProfile, type RenderTools } from './render-profile.js';
import { renderResults } from './render-results.js';
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
  content: ResourcesContent | YearsContent | ThreadsContent | ThreadContent;
  /** rows that could not be shown because nothing in them can be read */
  skipped: number;
}

/**
 * Sections of the classes that `rows` carries. Pure: equal rows and context give equal content, in a fixed order and
 * without columns that move by themselves, so that an equal hash means an unchanged section. A class always yields
 * its index or its one section, even when empty; years and threads exist only while they have something.
 */
export function renderChart(rows: ChartRows, context: ChartContext): RenderedSection[] {
  const ids = new ResourceIds(context.resourceIdKey);
  const time = new ClinicTime(context.timeZone);
  const peopleOf = (): People => new People(ids, rows.lookups);
  const options = new ListOptions(rows.lookups.listOptions);
  const tools = (): RenderTools => ({
    siteId: context.siteId,
    pid: rows.pid,
    readOn: rows.readOn,
    ids,
    time,
    options,
    people: peopleOf(),
  });
  return [
    {
      name: 'profile',
      recordClass: 'profile',
      content: { resources: renderProfile(rows.profile, tools()) },
      skipped: 0,
    },
    ...medicationSections(rows, tools()),
    ...resultSections(rows, tools(), peopleOf),
    ...messageSections(rows, context, ids, time),
  ];
}

function medicationSections(rows: ChartRows, tools: RenderTools): RenderedSection[] {
  if (rows.medications === undefined) {
    return [];
  }
  const { resources, skipped } = renderMedications(rows.medications, tools);
  return [{ name: 'medications', recordClass: 'medications', content: { resources }, skipped }];
}

function resultSections(rows: ChartRows, tools: RenderTools, peopleOf: () => People): RenderedSection[] {
  if (rows.results === undefined) {
    return [];
  }
  const years = renderResults(rows.results, tools, peopleOf).map((year) => ({
    ...year,
    section: `results/${String(year.year)}`,
  }));
  return [
    {
      name: 'results',
      recordClass: 'results',
      content: { years: years.map(({ section, year, count, newest }) => ({ section, year, count, newest })) },
      skipped: 0,
    },
    ...years.map(({ section, resources }): RenderedSection => ({
      name: section,
      recordClass: 'results',
      content: { resources },
      skipped: 0,
    })),
  ];
}

function messageSections(
  rows: ChartRows,
  context: ChartContext,
  ids: ResourceIds,
  time: ClinicTime,
): RenderedSection[] {
  if (rows.messages === undefined) {
    return [];
  }
  const { index, threads, skipped } = renderMessages(rows.messages, {
    ids,
    time,
    threadOf: (mail) => context.threadOf(mail),
  });
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
