import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { StoredValue } from './dmz-bytes.js';
import { tryKeys, type Candidate } from './opening-code.js';
import { CIPHERTEXT_KINDS, ciphertextId, type StoredCiphertext } from './stored-ciphertexts.js';
import { say } from './verdict.js';

const Result = z.object({
  tries: z.number(),
  opened: z.array(z.object({ kind: z.enum(CIPHERTEXT_KINDS), place: z.string(), bytes: z.instanceof(Uint8Array) })),
});

export interface OpenedValue extends StoredValue {
  kind: StoredCiphertext['kind'];
}

export interface Attempts {
  tries: number;
  /** what opened, with the place of the key that did it */
  opened: OpenedValue[];
}

/** So many candidates go to a worker at once: few enough that all end at about the same time. */
const AT_ONCE = 20;
/** Less work than this is done before a worker has started. */
const WORTH_WORKERS = 5_000;
/** After so many keys it is told how far the work is: all of it can take an hour. */
const TOLD_EVERY = 500;

/**
 * Every candidate against every ciphertext. Pairs that were tried in the first call are not tried again by later ones:
 * a seal that a key did not open, it never opens.
 */
export class OpeningAttempts {
  private firstKeys: ReadonlySet<string> | undefined;
  private firstCiphertexts: ReadonlySet<string> | undefined;

  /** What opens may hold further keys: they are for the caller to try. */
  async tryAll(
    candidates: ReadonlyMap<string, StoredValue>,
    ciphertexts: readonly StoredCiphertext[],
  ): Promise<Attempts> {
    const { firstKeys, firstCiphertexts } = this;
    if (firstKeys === undefined || firstCiphertexts === undefined) {
      const all = await product([...candidates.values()], ciphertexts);
      // Had something opened, a later call would have to say so again.
      if (all.opened.length === 0) {
        this.firstKeys = new Set(candidates.keys());
        this.firstCiphertexts = new Set(ciphertexts.map(ciphertextId));
      }
      return all;
    }
    const known = [...candidates].filter(([key]) => firstKeys.has(key)).map(([, value]) => value);
    const further = [...candidates].filter(([key]) => !firstKeys.has(key)).map(([, value]) => value);
    const added = ciphertexts.filter((ciphertext) => !firstCiphertexts.has(ciphertextId(ciphertext)));
    const parts = [await product(further, ciphertexts), await product(known, added)];
    return {
      tries: parts.reduce((sum, { tries }) => sum + tries, 0),
      opened: parts.flatMap(({ opened }) => opened),
    };
  }
}

async function product(keys: readonly StoredValue[], ciphertexts: readonly StoredCiphertext[]): Promise<Attempts> {
  const wanted = keys.length * ciphertexts.length;
  const answers = wanted < WORTH_WORKERS ? [await tryKeys(keys, ciphertexts)] : await byWorkers(keys, ciphertexts);
  const attempts: Attempts = {
    tries: answers.reduce((sum, { tries }) => sum + tries, 0),
    opened: answers.flatMap(({ opened }) => opened.map((value) => ({ ...value, bytes: Buffer.from(value.bytes) }))),
  };
  if (attempts.tries !== wanted) {
    throw new Error('not every key was tried against every ciphertext');
  }
  return attempts;
}

async function byWorkers(
  keys: readonly Candidate[],
  ciphertexts: readonly StoredCiphertext[],
): Promise<z.infer<typeof Result>[]> {
  const answers: z.infer<typeof Result>[] = [];
  let next = 0;
  let tried = 0;
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const worker = new Worker(new URL('./opening-attempts.worker.js', import.meta.url), { workerData: ciphertexts });
      try {
        while (next < keys.length) {
          const work = keys.slice(next, next + AT_ONCE);
          next += work.length;
          worker.postMessage(work);
          const message: unknown[] = await once(worker, 'message');
          answers.push(Result.parse(message[0]));
          tried += work.length;
          if (tried % TOLD_EVERY === 0) {
            say(`  ${String(tried)} of ${String(keys.length)} keys tried`);
          }
        }
      } finally {
        await worker.terminate();
      }
    }),
  );
  return answers;
}
