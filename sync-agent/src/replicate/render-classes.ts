import { performance } from 'node:perf_hooks';
import type { Pool } from 'mysql2/promise';
import type { DataSource } from 'typeorm';
import type { RecordClass } from 'sync-contract/classes';
import { DocumentsContent, ResourcesContent } from 'sync-contract/section-content';
import { decisionsOnItems, type DecisionInForce } from '../chart/patient-wish.js';
import { renderCcd } from '../chart/render-ccd.js';
import { renderChart } from '../chart/render-chart.js';
import { ResourceIds } from '../chart/resource-id.js';
import { withhold, type Withholding } from '../chart/withhold.js';
import type { KeyStore } from '../keys/key-store.js';
import { RELEASED_CLASSES } from '../ledger/dirty.js';
import { DECISION_CAUSES } from '../ledger/patient-decision.entity.js';
import { doubtAbout } from '../openemr/compare-patients.js';
import { threadMapper, type KnownThreads } from '../openemr/mail-thread.js';
import { READABLE_CLASSES, readChart, type ChartRows, type UnreadableOfClass } from '../openemr/read-chart.js';
import { documentFiles, type DocumentFile } from '../openemr/read-documents.js';
import { readRecord } from '../openemr/read-record.js';
import { openSnapshot, type BinlogPosition } from '../openemr/snapshot.js';
import { readDecisions } from '../release/read-decisions.js';
import { tellWish } from '../release/tell-wish.js';
import { ccdFile, readAskedCcd, type RequestedCcd } from './asked-ccd.js';
import { readKnownThreads, type ChartToRender } from './chart-row.js';
import { documentContents } from './document-contents.js';
import { readAnswered, readReceipts } from './receipts.js';
import { timed, type RenderWork } from './render-work.js';
import type { Rendering } from './rendering.js';
import { nameSections, tooLarge, type NewSection } from './seal-chart.js';

/** OpenEMR's server writes no binlog and is not polled, so nobody can say which changes a snapshot contains. */
export class SnapshotWithoutPosition extends Error {
  readonly code = 'snapshot-without-position';
  readonly logLevel = 'error';
  constructor() {
    super(
      "OpenEMR's database server writes no binary log; set log_bin, binlog_format=ROW and binlog_row_metadata=FULL, or FEED=polling",
    );
  }
}

/**
 * OpenEMR's record of the patient, in the snapshot that was read, ends or stops the replication: nothing of that snapshot
 * goes out. Whoever renders judges the patient.
 */
export class RecordInDoubt extends Error {
  readonly code = 'record-in-doubt';
  readonly logLevel = 'warn';
  constructor(readonly doubt: NonNullable<ReturnType<typeof doubtAbout>>) {
    super(DECISION_CAUSES[doubt]);
  }
}

/** What a render reads. */
export interface RenderedFrom {
  ledger: DataSource;
  reader: Pool;
  keys: KeyStore;
  /** whether documents' bytes are fetched from OpenEMR; their list goes out in any case */
  offersDocuments?: boolean;
  /** whether patients may ask for OpenEMR's own C-CDA */
  offersCcd?: boolean;
  /** told of the work; what only compares tells nobody */
  work?: RenderWork | undefined;
  /** hears of rows that a render left out */
  noteUnreadable?: (patientRef: string, rows: readonly UnreadableOfClass[]) => void;
}

/**
 * A chart's classes as they are now, without what decisions keep from the portal. While a decision concerns the chart all
 * classes that it can reach are rendered together, because what one of them may not show may stand in another; when one
 * of them cannot be read to its last row, none of them is.
 * @param asked what cannot be read of them is not among the rendering's
 */
export async function renderClasses(
  source: RenderedFrom,
  chart: ChartToRender,
  asked: readonly RecordClass[],
): Promise<Rendering> {
  const { ledger, keys } = source;
  const chartKey = keys.unwrapChartKey(chart.patientRef, chart.epoch, chart.chartKeyWrapped);
  // Before the decisions and the request: what is answered by now is among them.
  const answered = await readAnswered(ledger.manager, chart.patientRef);
  const decisions = await readDecisions(ledger.manager, chart.pid);
  // OpenEMR puts into a C-CDA whatever it has, so that no decision could keep anything out of it.
  const mayList = source.offersCcd === true && decisions.length === 0;
  const ccd = mayList ? await readAskedCcd(ledger.manager, chart.patientRef) : null;
  const classes = reached(asked, decisions);
  const fromOpenEmr = READABLE_CLASSES.filter((recordClass) => classes.includes(recordClass));
  const read =
    fromOpenEmr.length === 0
      ? null
      : await timed(source.work, 'openemr', () => readRows(source, chart, fromOpenEmr, decisions.length > 0));
  source.noteUnreadable?.(chart.patientRef, read?.rows.unreadable ?? []);
  const unread: ReadonlyMap<RecordClass, Error> = read?.rows.failures ?? new Map<RecordClass, Error>();
  const readable = readableOf(classes, unread, decisions);
  // After the snapshot: a mail of ours that it holds was committed together with its thread.
  const known = read?.rows.messages === undefined ? NO_THREADS : await readKnownThreads(ledger.manager, chart.pid);
  const released =
    read === null ? NOTHING : await releasedSections(source, chart, read.rows, { readable, decisions, known });
  const rendered: Rendered[] = [...released.sections];
  const files = read === null ? null : await listFiles(source, chart, { rows: read.rows, rendered, ccd, mayList });
  const name = async (each: readonly Rendered[]): Promise<NewSection[]> =>
    timed(source.work, 'crypto', () => nameSections(chartKey, each, fewerThanListed(released, ccd)));
  const named = await name(rendered);
  const large = tooLarge(named);
  const failures = new Map([...unread, ...large]);
  const complete = readable.filter((recordClass) => !large.has(recordClass));
  const withdrawn = decisions.length === 0 ? [] : RELEASED_CLASSES.filter((recordClass) => large.has(recordClass));
  const sections = named.filter(({ recordClass }) => complete.includes(recordClass));
  const contained = new Set([
    ...(complete.includes('messages') ? submissionsAmong(read?.rows.messages?.mails ?? [], known) : []),
    ...answered.filter(({ answeredIn }) => complete.includes(answeredIn)).map(({ submissionId }) => submissionId),
  ]);
  if (classes.includes('receipts')) {
    const content = await readReceipts(ledger.manager, chart.patientRef, contained);
    sections.push(...(await name([{ name: 'receipts', recordClass: 'receipts', content }])));
  }
  return {
    chart,
    classes: complete,
    failure: failures.values().next().value ?? null,
    large: [...large.keys()],
    withdrawn,
    sections,
    sources: read?.rows.sources ?? [],
    position: fromOpenEmr.some((recordClass) => complete.includes(recordClass)) ? (read?.position ?? null) : null,
    files: complete.includes('documents') ? files : withdrawn.includes('documents') ? [] : null,
    offersCcd: source.offersCcd === true,
    contained,
    decisions,
    withheld: complete.some((recordClass) => RELEASED_CLASSES.includes(recordClass)) ? released.withheld : null,
  };
}

interface Rendered {
  name: string;
  recordClass: RecordClass;
  content: unknown;
}

/** Entries that are OpenEMR's; a C-CDA that comes and goes is none that could vanish there. */
function fewerThanListed({ fewer }: Withholding, ccd: RequestedCcd | null): Withholding['fewer'] {
  return ccd === null ? fewer : new Map([...fewer, ['documents', (fewer.get('documents') ?? 0) - 1]]);
}

interface Listed {
  rows: ChartRows;
  rendered: readonly Rendered[];
  /** file that the patient asked for */
  ccd: RequestedCcd | null;
  /** a C-CDA may be listed, and asked for */
  mayList: boolean;
}

const NO_THREADS: KnownThreads = { threads: [], mails: [] };
const NOTHING: Withholding = { sections: [], withheld: [], fewer: new Map() };

function reached(asked: readonly RecordClass[], decisions: readonly DecisionInForce[]): readonly RecordClass[] {
  const concerns = decisions.length > 0 && asked.some((recordClass) => RELEASED_CLASSES.includes(recordClass));
  return concerns ? [...new Set([...asked, ...RELEASED_CLASSES])] : asked;
}

function readableOf(
  classes: readonly RecordClass[],
  failures: ReadonlyMap<RecordClass, Error>,
  decisions: readonly DecisionInForce[],
): RecordClass[] {
  const undecided =
    decisions.length > 0 && RELEASED_CLASSES.some((recordClass) => failures.has(recordClass)) ? RELEASED_CLASSES : [];
  return classes.filter((recordClass) => !failures.has(recordClass) && !undecided.includes(recordClass));
}

interface Releasable {
  readable: readonly RecordClass[];
  decisions: readonly DecisionInForce[];
  known: KnownThreads;
}

async function releasedSections(
  { ledger, keys, work }: RenderedFrom,
  chart: ChartToRender,
  rows: ChartRows,
  { readable, decisions, known }: Releasable,
): Promise<Withholding> {
  const released = await timed(work, 'render', () => {
    const sections = renderChart(rows, {
      siteId: keys.siteId,
      resourceIdKey: keys.resourceIdKey,
      timeZone: rows.timeZone,
      threadOf: threadMapper(keys.resourceIdKey, chart.pid, known),
    });
    return withhold(
      sections.filter(({ recordClass }) => readable.includes(recordClass)),
      decisionsOnItems(decisions, rows.results, new ResourceIds(keys.resourceIdKey)),
    );
  });
  return tellWish(ledger.manager, chart.pid, decisions, released);
}

/** Completes the list of documents by what it says of their bytes. @returns the bytes that it names; null without a list */
async function listFiles(
  { ledger, keys, offersDocuments, offersCcd }: RenderedFrom,
  chart: ChartToRender,
  { rows, rendered, ccd, mayList }: Listed,
): Promise<DocumentFile[] | null> {
  const filed = shownFiles(keys, rows, rendered);
  const list = rendered.find(({ name }) => name === 'documents');
  if (list === undefined || filed === null) {
    return null;
  }
  const content = ResourcesContent.parse(list.content);
  const files = ccd === null ? filed : [ccdFile(ccd), ...filed];
  const wanted = { ...chart, files, areOffered: offersDocuments === true, heldCcd: ccd?.held ?? null };
  const listed: DocumentsContent = {
    ...content,
    resources:
      ccd === null
        ? content.resources
        : [renderCcd(ccd, new ResourceIds(keys.resourceIdKey), chart.pid), ...content.resources],
    contents: await documentContents(ledger.manager, keys, wanted),
    ...(offersCcd === true ? { ccd: mayList ? 'offered' : 'held-back' } : {}),
  };
  list.content = DocumentsContent.parse(listed);
  return files;
}

/** Bytes of documents that the list shows; a sign in a document's place offers none. Null when there is no list. */
function shownFiles(keys: KeyStore, rows: ChartRows, rendered: readonly Rendered[]): DocumentFile[] | null {
  const list = rendered.find(({ name }) => name === 'documents');
  if (rows.documents === undefined || list === undefined) {
    return null;
  }
  const ids = new ResourceIds(keys.resourceIdKey);
  const offered = ResourcesContent.parse(list.content).resources.filter((each) => 'content' in each);
  const shown = new Set(offered.map(({ id }) => id));
  return documentFiles(rows.documents).filter(({ id }) => shown.has(ids.id('documents', id)));
}

async function readRows(
  { reader, keys, work }: RenderedFrom,
  { pid, known, polledAt }: ChartToRender,
  classes: readonly RecordClass[],
  whole: boolean,
): Promise<{ rows: ChartRows; position: BinlogPosition }> {
  const began = performance.now();
  const before = performance.eventLoopUtilization();
  await using snapshot = await openSnapshot(reader, { whole });
  const position = polledAt ?? snapshot.position;
  if (position === null) {
    throw new SnapshotWithoutPosition();
  }
  const doubt = doubtAbout(keys.resourceIdKey, known, await readRecord(snapshot, pid));
  if (doubt !== null) {
    throw new RecordInDoubt(doubt);
  }
  const rows = await readChart(snapshot, pid, classes);
  work?.read({ began, ...snapshot.asked, waitedMs: performance.eventLoopUtilization(before).idle });
  return { rows, position };
}

/** A mail that was deleted since is in the chart as well: it is shown no more, and neither is the sender's own copy. */
function submissionsAmong(mails: readonly { id: number }[], known: KnownThreads): string[] {
  const read = new Set(mails.map(({ id }) => id));
  return known.mails.flatMap(({ mailId, submissionId }) =>
    submissionId !== null && read.has(mailId) ? [submissionId] : [],
  );
}
