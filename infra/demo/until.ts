import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE = 60_000;
const PAUSE = 200;

/** Asks again every 200 ms; throws with what was waited for when `patience` (milliseconds) is over. */
export async function until(what: string, holds: () => Promise<boolean>, patience: number = PATIENCE): Promise<void> {
  for (const limit = Date.now() + patience; !(await holds());) {
    if (Date.now() > limit) {
      throw new Error(`waited ${String(patience / 1000)} s for ${what}`);
    }
    await sleep(PAUSE);
  }
}
