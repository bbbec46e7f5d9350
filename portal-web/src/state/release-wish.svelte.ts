import type { ReleaseWishSentView, SendReleaseWish } from 'portal-api/http';
import { api } from '../api/client.js';
import { failureCode, type FailureCode } from '../api/problem.js';
import { resultRelease, type ResultRelease } from '../chart/release-wish.js';
import { chart } from './chart.svelte.js';
import { session } from './session.svelte.js';

/**
 * What the patient wishes of new results. A wish that got no answer keeps its idempotency key, so that asking again for the
 * same is the same wish.
 */
class ReleaseWishes {
  /** what is being sent; null when nothing is */
  sending = $state.raw<SendReleaseWish | null>(null);
  failure = $state<FailureCode | null>(null);
  private readonly keys = new Map<string, string>();

  constructor() {
    session.onEnd(() => {
      this.keys.clear();
      this.failure = null;
    });
  }

  get release(): ResultRelease {
    return resultRelease(chart.resultYears().content, chart.wishes);
  }

  /** @returns whether it is saved */
  async send(wish: SendReleaseWish): Promise<boolean> {
    const { patient } = session;
    if (this.sending !== null || patient === null) {
      return false;
    }
    this.sending = wish;
    this.failure = null;
    const name = JSON.stringify([patient.patientRef, wish]);
    const key = this.keys.get(name) ?? crypto.randomUUID();
    this.keys.set(name, key);
    try {
      await api.post<ReleaseWishSentView>(`/api/charts/${patient.patientRef}/release-wishes`, wish, {
        userAct: true,
        idempotencyKey: key,
      });
      this.keys.delete(name);
      await chart.loadCopies();
      return true;
    } catch (failure: unknown) {
      this.failure = failureCode(failure);
      return false;
    } finally {
      this.sending = null;
    }
  }
}

export const releaseWishes = new ReleaseWishes();
