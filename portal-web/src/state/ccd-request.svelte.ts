import type { CcdRequestSentView, PendingCcdRequestView, SendCcdRequest } from 'portal-api/http';
import { api } from '../api/client.js';
import { failureCode, type FailureCode } from '../api/problem.js';
import { ccdOffer, type CcdOffer } from '../chart/ccd.js';
import { listedCcd, type ListedCcd } from '../chart/documents.js';
import type { SectionReceipt } from '../chart/section-content.js';
import { text } from '../text.js';
import { announcer } from './announcer.svelte.js';
import { chart } from './chart.svelte.js';
import { clock } from './clock.svelte.js';
import { practice } from './practice.svelte.js';
import { session } from './session.svelte.js';

/** A request that was sent and has no answer. */
interface Unanswered {
  /** whose chart and which days */
  name: string;
  key: string;
  /** the newest request known when it was sent: with another one known, this one came through or was overtaken */
  after: string | null;
}

/**
 * The C-CDA that the practice's system makes of the chart. A request that got no answer keeps its idempotency key, so that
 * asking again for the same days is the same request; once a newer request is known, asking again is a new one.
 */
class CcdRequests {
  sending = $state(false);
  private failed = $state.raw<{ code: FailureCode; after: string | null } | null>(null);
  private unanswered: Unanswered | null = null;
  /** the request of this visit to the page, and the entry that was listed then: that one is not what comes of it */
  asked = $state.raw<{ submissionId: string; before: string | undefined } | null>(null);
  /** an entry that this visit has seen being made */
  private awaited: string | undefined;

  constructor() {
    session.onEnd(() => {
      this.unanswered = null;
      this.beginVisit();
    });
  }

  /** What was asked for, or failed, on an earlier visit to the page is no news there. */
  beginVisit(): void {
    this.failed = null;
    this.asked = null;
    this.awaited = undefined;
  }

  /** For an `$effect` of the page: says aloud what came of what this visit has asked for, or has seen being made. */
  follow = (): void => {
    const outcome = this.open === null ? this.outcome() : null;
    if (outcome !== null) {
      this.asked = null;
      this.awaited = undefined;
      announcer.say(outcome);
    }
    if (this.listed?.state === 'waiting') {
      this.awaited = this.listed.id;
    }
  };

  /** null also while the list of documents is not known */
  get offer(): CcdOffer | null {
    return ccdOffer(chart.documents().content);
  }

  /** null also while the list of documents is not known */
  get listed(): ListedCcd | null {
    return listedCcd(chart.documents().content);
  }

  /** whether the list of documents is of long ago, or frozen */
  get stale(): boolean {
    return chart.freshness(chart.documents()) === 'red';
  }

  /** the newest of this account, which replaces those before it, while the chart does not answer it */
  get open(): PendingCcdRequestView | null {
    return chart.ccdRequests.at(-1) ?? null;
  }

  /** days of the file that comes next; null when none does, as far as this page knows */
  get coming(): SendCcdRequest | null {
    const { listed } = this;
    return this.open?.payload ?? (listed?.state === 'waiting' ? listed.ccd : null);
  }

  /** id of this account's newest request, also once the chart has answered it; null when none is known */
  get newest(): string | null {
    return chart.receipts.find(({ kind }) => kind === 'ccd-request')?.submissionId ?? null;
  }

  /** the practice's word that it makes no file for the newest one */
  get refusal(): SectionReceipt | null {
    const { newest } = this;
    const receipts = newest === null ? [] : (chart.staffReceipts().content?.receipts ?? []);
    return receipts.find(({ submissionId, state }) => submissionId === newest && state === 'refused') ?? null;
  }

  /** why the last one was not saved, or may not be; null when it was, or when it turned out that it was */
  get failure(): FailureCode | null {
    return this.failed !== null && this.failed.after === this.newest ? this.failed.code : null;
  }

  /** @returns whether it is saved */
  async send(request: SendCcdRequest): Promise<boolean> {
    const { patient } = session;
    if (this.sending || patient === null) {
      return false;
    }
    this.sending = true;
    this.failed = null;
    this.asked = null;
    const before = this.listed?.id;
    const name = JSON.stringify([patient.patientRef, request]);
    const after = this.newest;
    const again = this.unanswered?.name === name && this.unanswered.after === after ? this.unanswered : null;
    const attempt = again ?? { name, key: crypto.randomUUID(), after };
    this.unanswered = attempt;
    try {
      const path = `/api/charts/${patient.patientRef}/ccd-requests`;
      const saved = await api.post<CcdRequestSentView>(path, request, { userAct: true, idempotencyKey: attempt.key });
      this.unanswered = null;
      await chart.loadCopies();
      this.asked = { submissionId: saved.submissionId, before };
      return true;
    } catch (failure: unknown) {
      this.failed = { code: failureCode(failure), after };
      return false;
    } finally {
      this.sending = false;
    }
  }

  /** null while it is not known */
  private outcome(): string | null {
    const { asked, listed, refusal } = this;
    if (asked !== null && refusal?.submissionId === asked.submissionId) {
      return text.ccd.refused(practice.dates.recent(refusal.at, clock.now), refusal.reason);
    }
    if (listed?.state === 'waiting') {
      return null;
    }
    if (listed !== null) {
      const isIt = listed.id === this.awaited || (asked !== null && listed.id !== asked.before);
      return !isIt ? null : listed.state === 'ready' ? text.ccd.ready : text.ccd.state(listed.state, this.stale);
    }
    return asked !== null && this.offer === 'held-back' ? text.ccd.heldBack : null;
  }
}

export const ccdRequests = new CcdRequests();
