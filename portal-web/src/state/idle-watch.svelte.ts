const WARNING_SECONDS = 120;
const STEP_MS = 1_000;

/**
 * Counts down to the idle end of the session. The server decides when a session ends; this only warns in time and says
 * when it is time to look. It counts by the wall clock, because timers stand still while a device sleeps.
 */
export class IdleWatch {
  /** seconds left while the warning shows, else null */
  secondsLeft = $state<number | null>(null);
  private endsAt = 0;
  private absoluteEnd = Number.POSITIVE_INFINITY;
  private idleMs = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly onEnd: () => void) {}

  start(idleSeconds: number, expiresAt: string): void {
    this.idleMs = idleSeconds * 1000;
    this.absoluteEnd = Date.parse(expiresAt);
    this.acted();
    this.timer ??= setInterval(() => {
      this.look();
    }, STEP_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.secondsLeft = null;
  }

  /** The server has counted an act of the person, of this tab or another. */
  acted(): void {
    this.endsAt = Math.min(Date.now() + this.idleMs, this.absoluteEnd);
    this.look();
  }

  private look(): void {
    const left = Math.ceil((this.endsAt - Date.now()) / 1000);
    this.secondsLeft = left <= Math.min(WARNING_SECONDS, this.idleMs / 2000) ? Math.max(0, left) : null;
    if (left <= 0 && this.timer !== undefined) {
      this.stop();
      this.onEnd();
    }
  }
}
