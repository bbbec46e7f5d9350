import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DocumentContent, type ResultYearsContent } from 'sync-contract/section-content';
import { ReceiptsContent } from 'sync-contract/receipt';
import { classOfSection } from 'sync-contract/classes';
import { HELD_CLASSES } from 'sync-agent/src/ledger/dirty';
import { READABLE_CLASSES } from 'sync-agent/src/openemr/read-chart';
import { READER_COLUMNS } from 'sync-agent/src/openemr/reader-columns';
import { repositoryRoot } from '../demo/program.js';
import { simDataPath } from '../openemr-sim/sim-data.js';
import { declaredRights } from '../services/grants.js';
import { LINKS, ROW_KINDS } from './chart-rows.js';
import { DMZ_TABLES, PURPOSES, SECTION_TERMS } from './retention.js';
import { traceChartFields, type ChartField } from './trace-chart-fields.js';
import { GRANTED_WHOLE, READ_UNSHOWN } from './unshown-columns.js';
import { leaves, submittedFields, wireFields } from './wire-fields.js';

const ClassTerms = z.object({
  purpose: z.string(),
  direction: z.string(),
  dmzTable: z.string(),
  retention: z.string(),
  protection: z.string(),
});

const SectionField = z.object({
  section: z.string(),
  path: z.string(),
  sources: z.array(z.string()),
  fixed: z.array(z.string()).optional(),
  recordClass: z.string(),
});

/** The flow of data across the firewall, field by field. */
const DataFlow = z.object({
  /** per class of records: why it goes out, and how the DMZ keeps it */
  classes: z.record(z.string(), ClassTerms),
  /** what leaves the inside in sealed sections */
  sections: z.array(SectionField),
  /** what comes in sealed in envelopes */
  submissions: z.array(z.object({ kind: z.string(), path: z.string(), destinations: z.array(z.string()) })),
  /** what else passes, readable for the DMZ */
  wire: z.array(
    z.object({ schema: z.string(), path: z.string(), direction: z.enum(['out', 'in']), protection: z.string() }),
  ),
  /** what the reader's account may read and no field shows, with the reason */
  unshown: z.array(z.object({ column: z.string(), why: z.string() })),
});
export type DataFlow = z.infer<typeof DataFlow>;

export const REVIEWED_FILE = 'infra/evidence/reviewed-data-flow.json';

/** Receipts are made of the ledger, by SQL; the compiler asks for a line when the section gets a field. */
const RECEIPT_SOURCES: Record<keyof ReceiptsContent['receipts'][number], string[]> = {
  submissionId: ['ledger submission.submission_id'],
  kind: ['ledger submission.kind'],
  state: ['ledger submission.settled_at', 'ledger submission.state'],
  at: ['ledger submission.done_at', 'ledger submission.received_at'],
  reason: ['ledger submission.reason'],
};

/** What the list says of documents' bytes comes of the ledger. */
const CONTENT_SOURCES: Readonly<Record<string, string[]>> = {
  state: ['ledger document_blob.state'],
  documentId: ['documents.id'],
  blobId: ['ledger document_blob.blob_id'],
  key: ['ledger document_blob.key_wrapped'],
  sha256: ['ledger document_blob.sealed_sha256'],
  size: ['ledger document_blob.size'],
  reason: ['documents.size', 'documents.type', 'ledger document_blob.reason'],
};

/** Of a result that waits because the patient wished so. */
const WAITING_SOURCES: Record<keyof NonNullable<ResultYearsContent['wish']>['waiting'][number], string[]> = {
  id: ['procedure_report.procedure_report_id'],
  since: ['ledger withheld_item.since'],
};

/** Of the entry of a C-CDA that the patient asked for, and of whether there may be one. */
const CCD_SOURCES: Readonly<Record<string, string[]>> = {
  ccd: ['ledger release_decision.ended_at'],
  '<C-CDA that was asked for>.id': ['ledger ccd_request.submission_id'],
  '<C-CDA that was asked for>.subject.reference': ['patient_data.pid'],
  '<C-CDA that was asked for>.date': ['ledger ccd_request.kept_at'],
  '<C-CDA that was asked for>.context.period.start': ['ledger ccd_request.from_day'],
  '<C-CDA that was asked for>.context.period.end': ['ledger ccd_request.to_day'],
  '<C-CDA that was asked for>.content[].attachment.title': ['ledger ccd_request.from_day', 'ledger ccd_request.to_day'],
};

const YEARLY: ReadonlySet<string> = new Set(['results', 'vitals']);

export function generateDataFlow(): DataFlow {
  const { fields, deciding } = traceChartFields();
  const receipts = leaves(ReceiptsContent).map((path): ChartField => ({
    section: 'receipts',
    path,
    sources: RECEIPT_SOURCES[path.replace('receipts[].', '') as keyof typeof RECEIPT_SOURCES],
  }));
  const contents = leaves(DocumentContent).map((path): ChartField => ({
    section: 'documents',
    path: `contents[].${path}`,
    sources: CONTENT_SOURCES[path] ?? [],
  }));
  const withdrawn = HELD_CLASSES.map((recordClass): ChartField => ({
    section: YEARLY.has(recordClass) ? `${recordClass}/<year>` : recordClass,
    path: '<in the place of a recalled entry>.meta.security[]',
    sources: ['ledger release_decision.kind', 'ledger release_decision.resource_id'],
  }));
  const waiting = Object.entries(WAITING_SOURCES).map(([path, sources]): ChartField => ({
    section: 'results',
    path: `wish.waiting[].${path}`,
    sources,
  }));
  const ccd = Object.entries(CCD_SOURCES).map(([path, sources]): ChartField => ({
    section: 'documents',
    path,
    sources,
  }));
  const sections = [...fields, ...receipts, ...contents, ...ccd, ...withdrawn, ...waiting].map((field) => ({
    ...field,
    recordClass: classOfSection(field.section),
  }));
  const classes = Object.entries(PURPOSES).map(([recordClass, purpose]): [string, DataFlow['classes'][string]] => [
    recordClass,
    { purpose, ...SECTION_TERMS, retention: DMZ_TABLES['section']?.retention ?? '' },
  ]);
  return DataFlow.parse({
    classes: Object.fromEntries(classes),
    sections,
    submissions: submittedFields(),
    wire: wireFields(),
    unshown: unshownColumns(new Set(sections.flatMap(({ sources }) => sources)), new Set(deciding)),
  });
}

export const UNEXPLAINED = 'UNEXPLAINED';

function unshownColumns(shown: ReadonlySet<string>, deciding: ReadonlySet<string>): DataFlow['unshown'] {
  const inRows = new Set(ROW_KINDS.flatMap(({ columns, source }) => columns.map((column) => source(column))));
  const read = new Set(
    Object.entries(READER_COLUMNS).flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`)),
  );
  const why = (column: string): string => {
    if (deciding.has(column)) {
      return 'decides whether a row is shown, or finds it';
    }
    if (!read.has(column)) {
      return GRANTED_WHOLE;
    }
    if (!inRows.has(column)) {
      return READ_UNSHOWN[column] ?? "stands in a condition of the reader's statements: which rows are read";
    }
    return READ_UNSHOWN[column] ?? (LINKS.has(column) ? 'joins rows' : UNEXPLAINED);
  };
  return [...new Set([...grantedColumns(), ...read])]
    .filter((column) => !shown.has(column))
    .sort()
    .map((column) => ({ column, why: why(column) }));
}

/** The classes that the reader knows and no section shows: none, unless something is forgotten. */
export function classesWithoutFields({ sections }: DataFlow): string[] {
  return READABLE_CLASSES.filter((known) => !sections.some(({ recordClass }) => recordClass === known));
}

const Columns = z.object({
  tables: z.record(z.string(), z.object({ columns: z.array(z.object({ name: z.string() })) })),
});

/** Every column of OpenEMR that the reader's account may read, as the grants file declares it. */
export function grantedColumns(): string[] {
  const { tables } = Columns.parse(JSON.parse(readFileSync(simDataPath('columns.json'), 'utf8')));
  return declaredRights('inside', { openemr: 'openemr', ledger: 'ledger' })
    .filter(({ account }) => account === 'agent_reader')
    .flatMap(({ object, privilege }) => {
      const table = object.replace('openemr.', '');
      const column = /^SELECT \((.+)\)$/.exec(privilege)?.[1];
      const all = tables[table]?.columns.map(({ name }) => name) ?? [];
      return (column === undefined ? all : [column]).map((name) => `${table}.${name}`);
    });
}

export function dataFlowText(flow: DataFlow): string {
  return `${JSON.stringify(flow, null, 1)}\n`;
}

export function reviewedDataFlow(): string {
  return readFileSync(join(repositoryRoot(), REVIEWED_FILE), 'utf8');
}

export function parseDataFlow(text: string): DataFlow {
  return DataFlow.parse(JSON.parse(text));
}
