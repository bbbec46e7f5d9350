const STEP_MS = 10_000;

/** Now, in steps of ten seconds, for ages that grow while a page stays open. */
class Clock {
  now = $state(Date.now());

  constructor() {
    setInterval(() => {
      this.now = Date.now();
    }, STEP_MS);
  }
}

export const clock = new Clock();
