import type { AccessEntryView, AccessHistoryView } from 'portal-api/http';
import { api } from '../api/client.js';
import { failureCode, type FailureCode } from '../api/problem.js';

/** The access history as far as it was asked for, for one visit of its page. */
export class AccessHistory {
  entries = $state.raw<AccessEntryView[]>([]);
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  failure = $state<FailureCode | null>(null);
  /** a page after the first is on its way */
  asking = $state(false);

  private next = $state<string | null>(null);

  get hasMore(): boolean {
    return this.next !== null;
  }

  load = async (): Promise<void> => {
    this.state = 'loading';
    await this.ask(null);
    this.state = this.failure === null ? 'ready' : 'failed';
  };

  /** What is shown stays when it fails. */
  more = async (): Promise<void> => {
    if (this.next === null || this.asking) {
      return;
    }
    this.asking = true;
    await this.ask(this.next);
    this.asking = false;
  };

  private async ask(before: string | null): Promise<void> {
    try {
      const query = before === null ? '' : `?before=${encodeURIComponent(before)}`;
      const page = await api.get<AccessHistoryView>(`/api/access-history${query}`, { userAct: true });
      this.entries = before === null ? page.entries : [...this.entries, ...page.entries];
      this.next = page.next;
      this.failure = null;
    } catch (failure: unknown) {
      this.failure = failureCode(failure);
    }
  }
}
