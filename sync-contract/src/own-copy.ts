import { openAead, sealAead } from './aead.js';
import { canonicalBytes } from './canonical-json.js';
import { pad, unpad } from './padding.js';

/** Clear fields of the sender's own copy of a submission, kept under a class key until the chart contains it. */
export interface OwnCopyHeader {
  site: string;
  patientRef: string;
  submissionId: string;
}

function headerBytes(header: OwnCopyHeader): Buffer {
  return canonicalBytes({
    use: 'own-copy',
    site: header.site,
    patientRef: header.patientRef,
    submissionId: header.submissionId,
  });
}

export function sealOwnCopy(classKey: Uint8Array, header: OwnCopyHeader, payload: unknown): Buffer {
  return sealAead(classKey, pad(canonicalBytes(payload)), headerBytes(header));
}

/** @throws SealBroken */
export function openOwnCopy(classKey: Uint8Array, header: OwnCopyHeader, sealed: Uint8Array): unknown {
  return JSON.parse(unpad(openAead(classKey, sealed, headerBytes(header))).toString('utf8'));
}
