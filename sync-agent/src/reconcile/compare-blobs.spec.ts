import { describe, expect, it } from '@jest/globals';
import { sealedShape } from 'sync-contract/blob';
import type { BlobHolding } from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import { compareBlob } from './compare-blobs.js';

const blob = { blobId: newRef(), patientRef: newRef(), pid: 1, size: 200_000, sealedSha256: 'ab'.repeat(32) };
const row = { patientRef: blob.patientRef, ...sealedShape(blob.size), sha256: blob.sealedSha256 };
const held = (differs: Partial<typeof row>): BlobHolding => ({
  blobId: blob.blobId,
  row: { ...row, ...differs },
  whole: true,
});

describe('bytes of a document in the DMZ', () => {
  it('are right when their row is the one that was acknowledged and all chunks lie there', () => {
    expect(compareBlob(blob, held({}))).toBeNull();
  });

  it('are missing when nothing lies there', () => {
    expect(compareBlob(blob, undefined)).toBe('document-missing');
  });

  it.each<[string, BlobHolding]>([
    ["somebody else's", held({ patientRef: newRef() })],
    ['of another size', held({ size: row.size + 1024 })],
    ['in other chunks', held({ chunks: row.chunks + 1 })],
    ['of another hash', held({ sha256: 'cd'.repeat(32) })],
    ['not whole', { ...held({}), whole: false }],
    ['without a row', { ...held({}), row: null, whole: false }],
  ])('differ when they are %s', (_, holding) => {
    expect(compareBlob(blob, holding)).toBe('document-changed');
  });
});
