import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { tryKeys, type Candidate } from './opening-code.js';
import type { StoredCiphertext } from './stored-ciphertexts.js';

/** A thread beside the drill's own: gets candidates, tries each against all ciphertexts it was started with. */

const Ciphertexts = z.array(z.custom<StoredCiphertext>((value) => typeof value === 'object' && value !== null));
const ciphertexts = Ciphertexts.parse(workerData);

parentPort?.on('message', (candidates: readonly Candidate[]) => {
  void tryKeys(candidates, ciphertexts).then((result) => {
    parentPort?.postMessage(result);
  });
});
