import { api } from '../api/client.js';

/** Whether the server can be reached, by what the browser says and by how requests end. */
class Connection {
  private browserOnline = $state(navigator.onLine);
  private answered = $state(true);
  private readonly returns = new Set<() => void>();

  constructor() {
    api.onReachable = (reachable) => {
      this.note(this.browserOnline, reachable);
    };
    addEventListener('offline', () => {
      this.note(false, this.answered);
    });
    addEventListener('online', () => {
      this.note(true, true);
    });
  }

  get offline(): boolean {
    return !this.browserOnline;
  }

  get interrupted(): boolean {
    return this.browserOnline && !this.answered;
  }

  /** Calls back each time the connection has returned; answers how to stop that. */
  onReturn(callback: () => void): () => void {
    this.returns.add(callback);
    return () => this.returns.delete(callback);
  }

  private note(browserOnline: boolean, answered: boolean): void {
    const before = this.browserOnline && this.answered;
    this.browserOnline = browserOnline;
    this.answered = answered;
    if (!before && browserOnline && answered) {
      for (const callback of this.returns) {
        callback();
      }
    }
  }
}

export const connection = new Connection();
