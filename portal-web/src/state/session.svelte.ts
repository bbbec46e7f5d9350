import type { PatientView, SessionView } from 'portal-api/http';
import { api } from '../api/client.js';
import { ConnectionLost } from '../api/problem.js';
import { IdleWatch } from './idle-watch.svelte.js';
import { tabs } from './tabs.js';

export type EndReason = 'chosen' | 'idle' | 'ended' | 'elsewhere' | 'unconfirmed';

/** Typing or tapping counts as use, but is told to the server at most this often. */
const ACTIVITY_PAUSE_MS = 60_000;

/**
 * Who is signed in. At its end everything that was shown is cleared first (`onEnd`), before any request.
 */
class Session {
  phase = $state<'starting' | 'unreachable' | 'anonymous' | 'joining' | 'active'>('starting');
  view = $state.raw<SessionView | null>(null);
  /** why the last session of this page ended; null when none has */
  endReason = $state<EndReason | null>(null);
  /** an account that is ready has no record open to it, and is not on its way from joining on this page */
  withoutRecord = $state(false);
  readonly idle = new IdleWatch(() => void this.idleEnd());
  private readonly enders = new Set<() => void>();
  private readonly starters = new Set<() => void>();
  private lastActivity = 0;

  constructor() {
    api.onSignedOut = () => {
      this.end('ended');
    };
    api.onUserAct = () => {
      if (this.view !== null) {
        this.lastActivity = Date.now();
        this.idle.acted();
        tabs.tell({ kind: 'acted' });
      }
    };
    tabs.listen((note) => {
      if (this.view === null) {
        return;
      }
      if (note.kind === 'acted') {
        this.idle.acted();
      } else if (note.kind === 'signed-out' || note.accountRef !== this.view.accountRef) {
        this.end('elsewhere');
      }
    });
    // A page that comes back from the browser's memory, or to the front, must not show what its session no longer may.
    addEventListener('pageshow', (event) => {
      if (event.persisted) {
        void this.look();
      }
    });
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') {
        void this.look();
      }
    });
    for (const kind of ['keydown', 'pointerdown'] as const) {
      addEventListener(kind, () => {
        this.noteActivity();
      });
    }
  }

  get signedIn(): boolean {
    return this.view !== null;
  }

  get patient(): PatientView | null {
    return this.view?.patients[0] ?? null;
  }

  /** Called when somebody is signed in, and when a signed-in account receives its chart. */
  onStart(callback: () => void): void {
    this.starters.add(callback);
  }

  /** Called before anything else when the session of this page is over: clear what belongs to it. */
  onEnd(callback: () => void): void {
    this.enders.add(callback);
  }

  /** Takes up the session a reloaded page still has. */
  async start(): Promise<void> {
    try {
      this.take(await api.get<SessionView>('/api/session', { signedOutIsAnswer: true, userAct: true }));
    } catch (failure: unknown) {
      this.phase = failure instanceof ConnectionLost ? 'unreachable' : 'anonymous';
    }
  }

  /** After sign-in, join, or a changed state of the account. */
  take(view: SessionView): void {
    const fresh = this.view?.accountRef !== view.accountRef;
    if (fresh && this.view !== null) {
      this.clear();
    }
    const granted = this.patient?.patientRef !== view.patients[0]?.patientRef;
    const ready = view.state === 'active';
    const open = view.patients.length > 0;
    // The account turns active a moment before its record is open to it: until then the clinic is still being waited for.
    this.withoutRecord = ready && !open && (fresh || this.withoutRecord || this.patient !== null);
    this.view = view;
    this.phase = ready && open ? 'active' : 'joining';
    this.endReason = null;
    api.csrf = view.csrf;
    if (fresh) {
      this.idle.start(view.idleSeconds, view.expiresAt);
      tabs.tell({ kind: 'signed-in', accountRef: view.accountRef });
    }
    if (fresh || granted) {
      for (const callback of this.starters) {
        callback();
      }
    }
  }

  /** Asks how things stand, without keeping the session awake. */
  async look(): Promise<void> {
    if (this.view === null) {
      return;
    }
    try {
      this.take(await api.get<SessionView>('/api/session'));
    } catch {
      // A 401 has ended the session already; with no answer the idle watch goes on counting.
    }
  }

  /** @throws ApiProblem | ConnectionLost */
  async extend(): Promise<void> {
    this.take(await api.post<SessionView>('/api/session/extend', {}, { userAct: true }));
  }

  async signOut(): Promise<void> {
    const csrf = api.csrf;
    this.end('chosen');
    tabs.tell({ kind: 'signed-out' });
    try {
      api.csrf = csrf;
      await api.postForNothing('/api/sign-out', { signedOutIsAnswer: true, userAct: true });
    } catch (failure: unknown) {
      if (failure instanceof ConnectionLost) {
        this.endReason = 'unconfirmed';
      }
    } finally {
      api.csrf = null;
    }
  }

  private end(reason: EndReason): void {
    if (this.view === null) {
      return;
    }
    this.clear();
    this.phase = 'anonymous';
    this.endReason = reason;
  }

  private clear(): void {
    this.idle.stop();
    this.view = null;
    this.withoutRecord = false;
    api.csrf = null;
    for (const callback of this.enders) {
      callback();
    }
  }

  /** Another window may have kept the session awake: only the server knows. Without an answer the page is cleared. */
  private async idleEnd(): Promise<void> {
    try {
      const view = await api.get<SessionView>('/api/session', { signedOutIsAnswer: true });
      if (this.view?.accountRef === view.accountRef) {
        this.idle.start(view.idleSeconds, view.expiresAt);
        return;
      }
    } catch {
      // Gone on the server too, or out of reach: in both cases nothing may stay on the screen.
    }
    this.end('idle');
  }

  private noteActivity(): void {
    if (this.view === null || this.idle.secondsLeft !== null || Date.now() - this.lastActivity < ACTIVITY_PAUSE_MS) {
      return;
    }
    this.lastActivity = Date.now();
    void this.extend().catch(() => undefined);
  }
}

export const session = new Session();
