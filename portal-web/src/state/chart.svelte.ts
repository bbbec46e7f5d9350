import { SvelteMap } from 'svelte/reactivity';
import type {
  ChartStatusView,
  OwnCopiesView,
  OwnCopyView,
  PendingCcdRequestView,
  PendingWishView,
  ReceiptsView,
  ReceiptView,
} from 'portal-api/http';
import { api } from '../api/client.js';
import { failureCode, type FailureCode } from '../api/problem.js';
import { earlierOf, freshnessNow, laterOf, type Freshness } from '../chart/freshness.js';
import type {
  BillingContent,
  DocumentsContent,
  ReceiptsContent,
  ResourcePart,
  ResourcesContent,
  ResultYearsContent,
  ThreadContent,
  ThreadsContent,
  YearsContent,
} from '../chart/section-content.js';
import { text } from '../text.js';
import { announcer } from './announcer.svelte.js';
import { clock } from './clock.svelte.js';
import { connection } from './connection.svelte.js';
import { Section } from './section.svelte.js';
import { session } from './session.svelte.js';

const STATUS_EVERY_MS = 30_000;

/** The chart of the patient on screen: its sections as they are opened, its age, and what is on its way to the clinic. */
class Chart {
  status = $state.raw<ChartStatusView | null>(null);
  statusFailure = $state<FailureCode | null>(null);
  /** own copies the chart does not contain yet, as last answered; null before the first answer */
  copies = $state.raw<OwnCopyView[] | null>(null);
  /** why the last look for own copies and receipts failed; null when it did not */
  copiesFailure = $state<FailureCode | null>(null);
  /** own copies of this visit, also those the chart has taken over: a thread section may arrive later than that news */
  seenCopies = $state.raw<OwnCopyView[]>([]);
  receipts = $state.raw<ReceiptView[]>([]);
  /** wishes about new results that the chart does not follow yet, oldest first */
  wishes = $state.raw<PendingWishView[]>([]);
  /** requests for a C-CDA that the chart does not answer yet, oldest first */
  ccdRequests = $state.raw<PendingCcdRequestView[]>([]);

  /** threads opened during this visit, with the time of their newest message then */
  private readonly opened = new SvelteMap<string, string>();
  // Plain: looked up in $derived, where reactive state must not be made dirty.
  private sections = new Map<string, Section<unknown>>();
  /** newest version of the chart the server has told of; what is on screen may still be behind it */
  private knownVersion: string | null = null;
  private statusesAsked = 0;
  private newestStatus = 0;
  private copiesAsked = 0;
  private newestCopies = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private announcing = false;

  constructor() {
    session.onStart(() => {
      this.start();
    });
    session.onEnd(() => {
      this.clear();
    });
    connection.onReturn(() => {
      if (session.signedIn) {
        announcer.say(text.connection.back);
        void this.refresh();
      }
    });
  }

  profile = (): Section<ResourcesContent> => this.section('profile');
  medications = (): Section<ResourcesContent> => this.section('medications');
  resultYears = (): Section<ResultYearsContent> => this.section('results');
  vitalYears = (): Section<YearsContent> => this.section('vitals');
  /** a section of one year, by its name in `results` or `vitals` */
  yearOf = (name: string): Section<ResourcesContent> => this.section(name);
  part = (name: ResourcePart): Section<ResourcesContent> => this.section(name);
  documents = (): Section<DocumentsContent> => this.section('documents');
  billing = (): Section<BillingContent> => this.section('billing');
  threads = (): Section<ThreadsContent> => this.section('messages');
  thread = (threadId: string): Section<ThreadContent> => this.section(`messages/${threadId}`);
  staffReceipts = (): Section<ReceiptsContent> => this.section('receipts');

  /** Where a document's bytes are; the server decides whether a browser may show them. */
  documentAddress(documentId: string): string {
    return this.path(`documents/${encodeURIComponent(documentId)}`) ?? '';
  }

  /** The clinic's copy keeps its mark as new; on this page a thread is read once it was open. */
  unreadIn(thread: { threadId: string; unread: number; lastAt: string }): number {
    const seen = this.opened.get(thread.threadId);
    return seen !== undefined && seen >= thread.lastAt ? 0 : thread.unread;
  }

  noteOpened(threadId: string, newest: string): void {
    this.opened.set(threadId, newest);
  }

  get mayWrite(): boolean {
    return session.patient?.scopes.includes('message') ?? false;
  }

  /** Age of these sections together, by the server's word and this device's clock, whichever is worse. */
  freshness(...sections: readonly Section<unknown>[]): Freshness {
    const time = this.asOf(...sections);
    // A section's own T may be later than the chart's: then only its age counts.
    const said = time !== null && time === this.status?.currentAsOf ? this.status.freshness : 'current';
    const freshness = freshnessNow(time, said, clock.now);
    // A chart that the clinic checks is no claim that there is nothing newer.
    return this.status?.frozen === true ? 'red' : freshness;
  }

  /**
   * T of these sections together: the earliest of theirs. What is not on the page yet, or could not be, has none. That the
   * chart lacks a section is known up to the chart's T.
   */
  asOf(...sections: readonly Section<unknown>[]): string | null {
    const { status } = this;
    const shown = sections.filter(({ state }) => state === 'ready' || (state === 'absent' && status !== null));
    const chartTime = status?.currentAsOf ?? null;
    if (shown.length === 0) {
      return chartTime;
    }
    return shown.map((section) => this.asOfOne(section, chartTime)).reduce(earlierOf);
  }

  /** Everything on screen again, because something changed or may have been missed. Not an act of the person. */
  async refresh(): Promise<void> {
    await Promise.all([this.loadStatus(true), this.loadCopies()]);
  }

  /**
   * Asks for the chart's T and version. A new T shows only after what is on screen was fetched again under the version
   * it belongs to: the news of a change may have been lost. `all` fetches also what seems to be of that version.
   */
  async loadStatus(all = false): Promise<void> {
    const path = this.path('status');
    if (path === null) {
      return;
    }
    this.statusesAsked += 1;
    const turn = this.statusesAsked;
    let status: ChartStatusView | null = null;
    try {
      status = await api.get<ChartStatusView>(path);
      if (path !== this.path('status') || turn < this.newestStatus) {
        return;
      }
      this.newestStatus = turn;
      this.knownVersion = versionOf(status);
      this.statusFailure = null;
    } catch (failure: unknown) {
      if (turn < this.newestStatus) {
        return;
      }
      this.statusFailure = failureCode(failure);
    }
    const behind = [...this.sections.values()].filter(
      (section) => section.onScreen && (all || (status !== null && section.version !== this.knownVersion)),
    );
    await Promise.all(behind.map((section) => section.load()));
    if (status !== null && turn === this.newestStatus && path === this.path('status')) {
      this.status = status;
    }
  }

  async loadCopies(userAct = false): Promise<void> {
    const path = this.path('own-copies');
    const receiptsPath = this.path('receipts');
    if (path === null || receiptsPath === null) {
      return;
    }
    this.copiesAsked += 1;
    const turn = this.copiesAsked;
    try {
      const [{ copies, wishes, ccdRequests }, { receipts }] = await Promise.all([
        api.get<OwnCopiesView>(path, { userAct }),
        api.get<ReceiptsView>(receiptsPath),
      ]);
      if (path !== this.path('own-copies') || turn < this.newestCopies) {
        return;
      }
      this.newestCopies = turn;
      const current = new Set(copies.map((copy) => copy.submissionId));
      this.seenCopies = [...this.seenCopies.filter((copy) => !current.has(copy.submissionId)), ...copies];
      this.copies = copies;
      this.wishes = wishes;
      this.ccdRequests = ccdRequests;
      this.receipts = receipts;
      this.copiesFailure = null;
    } catch (failure: unknown) {
      // What was known stays.
      if (path === this.path('own-copies') && turn >= this.newestCopies) {
        this.copiesFailure = failureCode(failure);
      }
    }
  }

  /** The chart's T is a section's T only when the section was fetched under the chart's version. */
  private asOfOne(section: Section<unknown>, chartTime: string | null): string | null {
    const same = this.status !== null && section.version === versionOf(this.status);
    return same ? laterOf(section.asOf, chartTime) : section.asOf;
  }

  /** @throws Error when no chart is open to the person: pages that read sections are shown only then */
  private section<T>(name: string): Section<T> {
    // Read each time, so that what derives from a section does so again when the patient is another.
    const base = this.path('sections');
    if (base === null) {
      throw new Error('no chart is open');
    }
    const known = this.sections.get(name);
    if (known !== undefined) {
      // Each name has one content type, fixed by the methods above.
      return known as Section<T>;
    }
    const path = name.split('/').map(encodeURIComponent).join('/');
    let section!: Section<T>;
    // Outside of whatever derives just now: that would never see changes of state which it has made itself.
    $effect.root(() => {
      section = new Section<T>(
        `${base}/${path}`,
        () => this.knownVersion,
        () => {
          this.announceChange();
        },
      );
    })();
    this.sections.set(name, section);
    return section;
  }

  /** Several sections change together; one sentence is enough. */
  private announceChange(): void {
    if (!this.announcing) {
      this.announcing = true;
      announcer.say(text.newInformation);
      setTimeout(() => {
        this.announcing = false;
      }, 2_000);
    }
  }

  private path(rest: string): string | null {
    const patient = session.patient;
    return patient === null ? null : `/api/charts/${patient.patientRef}/${rest}`;
  }

  /** A patient has come to the screen: nothing of the one before may stay. */
  private start(): void {
    this.clear();
    if (session.patient === null) {
      return;
    }
    void this.loadStatus();
    void this.loadCopies();
    this.timer = setInterval(() => {
      void this.loadStatus();
    }, STATUS_EVERY_MS);
  }

  private clear(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const section of this.sections.values()) {
      section.drop();
    }
    this.sections = new Map();
    this.opened.clear();
    this.knownVersion = null;
    // Answers still under way belong to before.
    this.newestStatus = this.statusesAsked + 1;
    this.statusesAsked = this.newestStatus;
    this.newestCopies = this.copiesAsked + 1;
    this.copiesAsked = this.newestCopies;
    this.status = null;
    this.statusFailure = null;
    this.copies = null;
    this.copiesFailure = null;
    this.seenCopies = [];
    this.receipts = [];
    this.wishes = [];
    this.ccdRequests = [];
  }
}

function versionOf({ manifest }: ChartStatusView): string {
  return manifest === null ? 'none' : `${String(manifest.era)}.${String(manifest.seq)}`;
}

export const chart = new Chart();
