import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { SEALED_CHUNK_BYTES } from 'sync-contract/blob';
import type {
  BlobBeginRequest,
  BlobChunksRequest,
  BlobCommitRequest,
  BlobDropRequest,
  BlobKeepRequest,
} from 'sync-contract/gateway-wire';
import { LIMITS } from 'sync-contract/limits';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { BlobRefused } from './gateway.problems.js';

/** Chunks that are read at once while a blob is hashed. */
const READ_AT_ONCE = 32;

interface HeldBlob {
  patient_ref: Buffer;
  chunks: number;
  size: number;
  sha256: Buffer;
  completed_at: Date | null;
}

interface Deleted {
  affectedRows: number;
}

type BlobName = Pick<BlobCommitRequest, 'patientRef' | 'blobId'>;

/**
 * Sealed documents. Chunks come in order, each at most once, so that their number says where a broken push goes on. A
 * blob that was whole never changes; before that nobody is served it.
 */
@Injectable()
export class BlobStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly audit: AuditService,
  ) {}

  /** @returns number of the chunk that comes next @throws BlobRefused */
  async begin(blob: BlobBeginRequest): Promise<number> {
    const last = blob.size - (blob.chunks - 1) * SEALED_CHUNK_BYTES;
    if (last <= 0 || last > SEALED_CHUNK_BYTES) {
      throw new BlobRefused('its size is not that of so many chunks');
    }
    return this.change(async (manager) => {
      const held = await lock(manager, blob.blobId);
      if (held === undefined) {
        await insertBlob(manager, blob);
        return 0;
      }
      const isSame =
        held.patient_ref.equals(hexBytes(blob.patientRef)) &&
        held.chunks === blob.chunks &&
        held.size === blob.size &&
        held.sha256.equals(hexBytes(blob.sha256));
      if (!isSame) {
        throw new BlobRefused('another blob has this id');
      }
      return nextChunk(manager, blob.blobId, held);
    });
  }

  /** @returns number of the chunk that comes next, which tells the agent of a gap @throws BlobRefused */
  async add({ patientRef, blobId, first, chunks }: BlobChunksRequest): Promise<number> {
    return this.change(async (manager) => {
      const held = await lockOf(manager, { patientRef, blobId });
      const next = await nextChunk(manager, blobId, held);
      const fresh = first > next ? [] : chunks.slice(next - first);
      if (fresh.length === 0) {
        return next;
      }
      const sealed = fresh.map((chunk) => Buffer.from(chunk, 'base64'));
      assertSizes(sealed, next, held);
      await manager.query(
        `INSERT INTO document_chunk (blob_id, n, sealed) VALUES ${sealed.map(() => '(?, ?, ?)').join(', ')}`,
        sealed.flatMap((bytes, index) => [hexBytes(blobId), next + index, bytes]),
      );
      return next + sealed.length;
    });
  }

  /** Idempotent. A blob whose bytes are others than it was begun with is deleted. @throws BlobRefused */
  async complete({ patientRef, blobId }: BlobCommitRequest): Promise<void> {
    const outcome = await this.change(async (manager) => {
      const held = await lockOf(manager, { patientRef, blobId });
      if (held.completed_at !== null) {
        return 'whole';
      }
      if ((await nextChunk(manager, blobId, held)) < held.chunks) {
        return 'incomplete';
      }
      if (!(await hashOf(manager, blobId, held.chunks)).equals(held.sha256)) {
        await deleteBlob(manager, hexBytes(blobId));
        return 'other bytes';
      }
      await manager.query('UPDATE document_blob SET completed_at = UTC_TIMESTAMP(3) WHERE blob_id = ?', [
        hexBytes(blobId),
      ]);
      await this.audit.append(manager, {
        action: 'gateway-blob',
        outcome: 'ok',
        actor: 'agent',
        onBehalfOf: patientRef,
        object: blobId,
      });
      return 'whole';
    });
    if (outcome !== 'whole') {
      throw new BlobRefused(outcome === 'incomplete' ? 'chunks are missing' : 'its bytes have another hash');
    }
  }

  /** Each in a transaction of its own: they may be large. @returns blobs deleted */
  async keep({ patientRef, keep }: BlobKeepRequest): Promise<number> {
    const kept = new Set(keep);
    const rows = await this.dataSource.query<{ blobId: string }[]>(
      'SELECT LOWER(HEX(blob_id)) AS blobId FROM document_blob WHERE patient_ref = ?',
      [hexBytes(patientRef)],
    );
    const gone = rows.filter(({ blobId }) => !kept.has(blobId));
    for (const { blobId } of gone) {
      await this.delete(blobId);
    }
    return gone.length;
  }

  /** Rows and chunks, also of those that have only one of both. @returns blobs of which something was there */
  async drop({ blobIds }: BlobDropRequest): Promise<number> {
    let deleted = 0;
    for (const blobId of blobIds) {
      deleted += (await this.delete(blobId)) ? 1 : 0;
    }
    return deleted;
  }

  /** @returns whether anything was there */
  private async delete(blobId: string): Promise<boolean> {
    return this.change(async (manager) => {
      const held = await lock(manager, blobId);
      if (!(await deleteBlob(manager, hexBytes(blobId)))) {
        return false;
      }
      await this.audit.append(manager, {
        action: 'gateway-blobs-deleted',
        outcome: 'ok',
        actor: 'agent',
        onBehalfOf: held?.patient_ref.toString('hex') ?? null,
        object: blobId,
      });
      return true;
    });
  }

  /** The one way in which anything here is committed. */
  private async change<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const result = await settleTransaction(this.dataSource, async (manager) => {
      const done = await work(manager);
      crashPoint('before-commit:gateway-blob');
      return done;
    });
    crashPoint('after-commit:gateway-blob');
    return result;
  }
}

async function lock(manager: EntityManager, blobId: string): Promise<HeldBlob | undefined> {
  const [held] = await manager.query<HeldBlob[]>(
    'SELECT patient_ref, chunks, size, sha256, completed_at FROM document_blob WHERE blob_id = ? FOR UPDATE',
    [hexBytes(blobId)],
  );
  return held;
}

async function lockOf(manager: EntityManager, { patientRef, blobId }: BlobName): Promise<HeldBlob> {
  const held = await lock(manager, blobId);
  if (held === undefined || !held.patient_ref.equals(hexBytes(patientRef))) {
    throw new BlobRefused('it was not begun');
  }
  return held;
}

async function insertBlob(manager: EntityManager, blob: BlobBeginRequest): Promise<void> {
  const [counted] = await manager.query<{ blobs: number | string }[]>(
    'SELECT COUNT(*) AS blobs FROM document_blob WHERE patient_ref = ?',
    [hexBytes(blob.patientRef)],
  );
  if (Number(counted?.blobs) >= LIMITS.chartBlobs) {
    throw new BlobRefused('the chart has too many blobs');
  }
  // Chunks that lie here without a row say nothing about which comes next.
  await manager.query('DELETE FROM document_chunk WHERE blob_id = ?', [hexBytes(blob.blobId)]);
  await manager.query(
    `INSERT INTO document_blob (blob_id, patient_ref, chunks, size, sha256, created_at, completed_at)
      VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(3), NULL)`,
    [hexBytes(blob.blobId), hexBytes(blob.patientRef), blob.chunks, blob.size, hexBytes(blob.sha256)],
  );
}

async function nextChunk(manager: EntityManager, blobId: string, held: HeldBlob): Promise<number> {
  if (held.completed_at !== null) {
    return held.chunks;
  }
  const [counted] = await manager.query<{ chunks: number | string }[]>(
    'SELECT COUNT(*) AS chunks FROM document_chunk WHERE blob_id = ?',
    [hexBytes(blobId)],
  );
  return Number(counted?.chunks);
}

/** @throws BlobRefused */
function assertSizes(sealed: readonly Buffer[], from: number, { chunks, size }: HeldBlob): void {
  const fits = sealed.every((bytes, index) => {
    const isLast = from + index === chunks - 1;
    return bytes.length === (isLast ? size - (chunks - 1) * SEALED_CHUNK_BYTES : SEALED_CHUNK_BYTES);
  });
  if (!fits || from + sealed.length > chunks) {
    throw new BlobRefused('a chunk has another size than its place');
  }
}

/**
 * Of the stored chunks with the numbers 0 to `chunks` - 1. Chunks with a gap between them, or cut in other places, do not
 * open: then it is another hash than that of their bytes.
 */
export async function hashOf(manager: EntityManager, blobId: string, chunks: number): Promise<Buffer> {
  const hash = createHash('sha256');
  let next = 0;
  let areInPlace = true;
  for (let from = 0; from < chunks; from += READ_AT_ONCE) {
    const rows = await manager.query<{ n: number; sealed: Buffer }[]>(
      'SELECT n, sealed FROM document_chunk WHERE blob_id = ? AND n >= ? AND n < ? ORDER BY n',
      [hexBytes(blobId), from, from + READ_AT_ONCE],
    );
    for (const { n, sealed } of rows) {
      areInPlace &&= n === next && (n === chunks - 1 || sealed.length === SEALED_CHUNK_BYTES);
      hash.update(sealed);
      next += 1;
    }
  }
  const digest = hash.digest();
  return areInPlace ? digest : createHash('sha256').update(digest).digest();
}

/** @returns whether anything was there */
async function deleteBlob(manager: EntityManager, blobId: Buffer): Promise<boolean> {
  const chunks = await manager.query<Deleted>('DELETE FROM document_chunk WHERE blob_id = ?', [blobId]);
  const rows = await manager.query<Deleted>('DELETE FROM document_blob WHERE blob_id = ?', [blobId]);
  return chunks.affectedRows + rows.affectedRows > 0;
}
