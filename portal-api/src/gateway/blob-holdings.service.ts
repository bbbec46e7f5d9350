import { Injectable } from '@nestjs/common';
import type { BlobHashesAnswer, BlobHashesRequest, BlobHolding, BlobHoldingsAnswer } from 'sync-contract/gateway-wire';
import { Ref } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { DataSource, type EntityManager } from 'typeorm';
import type { AuditAction } from '../audit/audit-chain.js';
import { hexBytes } from '../database/hex-column.js';
import { hashOf } from './blob-store.service.js';

interface BlobRow extends NonNullable<BlobHolding['row']> {
  blobId: string;
  isComplete: number;
}

interface ChunksRow {
  blobId: string;
  chunks: number | string;
  first: number;
  last: number;
}

const BEFORE_ALL = '';
/** Entries of the audit log that are looked through: those of hours. */
const AUDIT_ENTRIES = 20_000;
const BROKEN: AuditAction = 'document-broken';

/**
 * What lies in the tables of documents' bytes, for the agent's comparison. The bytes never leave them for it: all of
 * them are counted every time, and hashed in portions that the agent names.
 */
@Injectable()
export class BlobHoldings {
  constructor(private readonly dataSource: DataSource) {}

  /** Blobs behind `after`, in one consistent look. */
  async page(after: string | null): Promise<BlobHoldingsAnswer> {
    const { rows, chunks } = await this.dataSource.transaction('REPEATABLE READ', async (manager) => ({
      rows: await rowsBehind(manager, after),
      chunks: await chunksBehind(manager, after),
    }));
    const ids = [...new Set([...rows.keys(), ...chunks.keys()])].sort();
    return {
      blobs: ids
        .slice(0, LIMITS.holdingBlobs)
        .map((blobId) => blobHolding(blobId, rows.get(blobId), chunks.get(blobId))),
      doubted: after === null ? await this.doubted() : [],
      more: ids.length > LIMITS.holdingBlobs,
    };
  }

  async hashes(blobs: BlobHashesRequest['blobs']): Promise<BlobHashesAnswer> {
    const hashed: BlobHashesAnswer['blobs'] = [];
    for (const { blobId, chunks } of blobs) {
      hashed.push({ blobId, sha256: (await hashOf(this.dataSource.manager, blobId, chunks)).toString('hex') });
    }
    return { blobs: hashed };
  }

  /** That a document did not open stands in the log that everybody's reading is written to. */
  private async doubted(): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string | null }[]>(
      `SELECT JSON_VALUE(body, '$.object') AS id FROM audit_entry
        WHERE n > (SELECT MAX(n) FROM audit_entry) - ? AND JSON_VALUE(body, '$.action') = ?
        GROUP BY id ORDER BY MAX(n) DESC LIMIT ?`,
      [AUDIT_ENTRIES, BROKEN, LIMITS.doubtedBlobs],
    );
    return rows.flatMap(({ id }) => Ref.safeParse(id).data ?? []);
  }
}

/** One more than fits into a page. */
async function rowsBehind(manager: EntityManager, after: string | null): Promise<Map<string, BlobRow>> {
  const rows = await manager.query<BlobRow[]>(
    `SELECT LOWER(HEX(blob_id)) AS blobId, LOWER(HEX(patient_ref)) AS patientRef, chunks, size,
            LOWER(HEX(sha256)) AS sha256, completed_at IS NOT NULL AS isComplete
       FROM document_blob WHERE blob_id > ? ORDER BY blob_id LIMIT ?`,
    [hexBytes(after ?? BEFORE_ALL), LIMITS.holdingBlobs + 1],
  );
  return new Map(rows.map((row) => [row.blobId, row]));
}

/** By the key alone: no byte of a chunk is read. */
async function chunksBehind(manager: EntityManager, after: string | null): Promise<Map<string, ChunksRow>> {
  const rows = await manager.query<ChunksRow[]>(
    `SELECT LOWER(HEX(blob_id)) AS blobId, COUNT(*) AS chunks, MIN(n) AS first, MAX(n) AS last
       FROM document_chunk WHERE blob_id > ? GROUP BY document_chunk.blob_id ORDER BY document_chunk.blob_id LIMIT ?`,
    [hexBytes(after ?? BEFORE_ALL), LIMITS.holdingBlobs + 1],
  );
  return new Map(rows.map((row) => [row.blobId, row]));
}

function blobHolding(blobId: string, row: BlobRow | undefined, stored: ChunksRow | undefined): BlobHolding {
  if (row === undefined) {
    return { blobId, row: null, whole: false };
  }
  const { patientRef, chunks, size, sha256, isComplete } = row;
  const areAllThere =
    stored !== undefined && Number(stored.chunks) === chunks && stored.first === 0 && stored.last === chunks - 1;
  return { blobId, row: { patientRef, chunks, size, sha256 }, whole: isComplete === 1 && areAllThere };
}
