import { ApiProblem } from '../api/problem.js';

/** Counts down what a 429 asks for; while it runs, the form's button waits. */
export class Wait {
  secondsLeft = $state(0);
  private timer: ReturnType<typeof setInterval> | undefined;

  /** Answers whether the failure asked for a wait. */
  takeFrom(failure: unknown): boolean {
    if (!(failure instanceof ApiProblem) || failure.status !== 429) {
      return false;
    }
    const end = Date.now() + Math.max(1, failure.retryAfterSeconds ?? 5) * 1000;
    clearInterval(this.timer);
    const look = (): void => {
      this.secondsLeft = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      if (this.secondsLeft === 0) {
        clearInterval(this.timer);
      }
    };
    this.timer = setInterval(look, 500);
    look();
    return true;
  }

  stop(): void {
    clearInterval(this.timer);
    this.secondsLeft = 0;
  }
}
