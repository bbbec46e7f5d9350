import { SealBroken } from './aead.js';
import { LIMITS } from './limits.js';

const ZEROS = Buffer.alloc(LIMITS.paddingStep);

/** Length (uint32 big endian) ‖ data ‖ zeros, up to the next padding step. */
export function pad(data: Uint8Array): Buffer {
  const total = Math.ceil((4 + data.length) / LIMITS.paddingStep) * LIMITS.paddingStep;
  const padded = Buffer.alloc(total);
  padded.writeUInt32BE(data.length, 0);
  padded.set(data, 4);
  return padded;
}

/** @throws SealBroken when the length is impossible or the filling is not zero */
export function unpad(padded: Buffer): Buffer {
  if (padded.length < 4 || padded.length % LIMITS.paddingStep !== 0) {
    throw new SealBroken();
  }
  const length = padded.readUInt32BE(0);
  if (length > padded.length - 4 || padded.length - 4 - length >= LIMITS.paddingStep) {
    throw new SealBroken();
  }
  const filling = padded.subarray(4 + length);
  if (!filling.equals(ZEROS.subarray(0, filling.length))) {
    throw new SealBroken();
  }
  return padded.subarray(4, 4 + length);
}
