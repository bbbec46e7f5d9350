import { Injectable, Logger } from '@nestjs/common';
import { isAhead } from 'sync-contract/claimed-time';
import type { HeartbeatRequest } from 'sync-contract/gateway-wire';
import {
  HEARTBEAT_BUCKETS,
  HeartbeatLeaf,
  bucketOf,
  bucketRoot,
  heartbeatRoot,
  verifyHeartbeat,
  type Heartbeat,
  type HeartbeatBucket,
} from 'sync-contract/heartbeat';
import { compareVersions } from 'sync-contract/identifiers';
import { Signed } from 'sync-contract/signed';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { GatewayConfig } from '../gateway-config.js';
import { GatewayKeys } from './gateway-keys.js';
import { HeartbeatFromTheFuture, HeartbeatNotAccepted, HeartbeatRefused } from './gateway.problems.js';

/** What a gateway without any heartbeat holds: 256 buckets without leaves. */
const EMPTY_ROOT = bucketRoot([]);

const Leaves = z.array(HeartbeatLeaf);

/**
 * The newest heartbeat with the leaves under it. What is stored always adds up to the signed root. Of what is stored
 * already only signature and leaves count: a row that was changed is one that is not there, and comes again.
 */
@Injectable()
export class HeartbeatStore {
  private readonly logger = new Logger(HeartbeatStore.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly keys: GatewayKeys,
    private readonly config: GatewayConfig,
  ) {}

  async highest(): Promise<{ era: number; seq: number } | null> {
    const [held] = await this.dataSource.query<{ signed: string }[]>('SELECT signed FROM heartbeat WHERE id = 1');
    const sound = held === undefined ? null : this.soundHeartbeat(held.signed);
    return sound === null ? null : { era: sound.era, seq: sound.seq };
  }

  private soundHeartbeat(text: string): Heartbeat | null {
    try {
      const heartbeat = verifyHeartbeat(Signed.parse(JSON.parse(text)), this.config.siteId, this.keys.signer);
      this.keys.assertBegun(heartbeat.era);
      return heartbeat;
    } catch {
      this.logger.error('the stored heartbeat does not verify and counts as none');
      return null;
    }
  }

  /** @throws StatementRefused, HeartbeatRefused, HeartbeatFromTheFuture, HeartbeatNotAccepted */
  async store(request: HeartbeatRequest): Promise<void> {
    const heartbeat = verifyHeartbeat(request.heartbeat, this.config.siteId, this.keys.signer);
    this.keys.assertBegun(heartbeat.era);
    assertAddsUp(heartbeat, request);
    if (isAhead(heartbeat.t, Date.now())) {
      throw new HeartbeatFromTheFuture();
    }
    await settleTransaction(this.dataSource, async (manager) => {
      await this.storeIn(manager, heartbeat, request);
      crashPoint('before-commit:gateway-heartbeat');
    });
    crashPoint('after-commit:gateway-heartbeat');
  }

  private async storeIn(manager: EntityManager, heartbeat: Heartbeat, request: HeartbeatRequest): Promise<void> {
    const [held] = await manager.query<{ signed: string }[]>('SELECT signed FROM heartbeat WHERE id = 1 FOR UPDATE');
    const sound = held === undefined ? null : this.soundHeartbeat(held.signed);
    const number = sound === null ? null : { era: sound.era, seq: sound.seq };
    const signed = JSON.stringify(request.heartbeat);
    if (number !== null && compareVersions(heartbeat, number) <= 0) {
      if (held?.signed === signed) {
        return;
      }
      throw new HeartbeatNotAccepted([], number);
    }
    const heldRoots = await storedRoots(manager);
    const coming = new Map(request.buckets.map((bucket) => [bucket.bucket, bucket]));
    const missing = request.bucketRoots.flatMap((root, bucket) =>
      root === heldRoots[bucket] || coming.has(bucket) ? [] : [bucket],
    );
    if (missing.length > 0) {
      throw new HeartbeatNotAccepted(missing, number);
    }
    await manager.query(
      // As with charts: of two first heartbeats at once the second collides and begins again behind the first.
      held === undefined
        ? 'INSERT INTO heartbeat (era, seq, signed, bucket_roots, id) VALUES (?, ?, ?, ?, 1)'
        : 'UPDATE heartbeat SET era = ?, seq = ?, signed = ?, bucket_roots = ? WHERE id = 1',
      [heartbeat.era, heartbeat.seq, signed, Buffer.from(request.bucketRoots.join(''), 'hex')],
    );
    for (const { bucket, leaves } of coming.values()) {
      await manager.query(
        'INSERT INTO heartbeat_bucket (bucket, leaves) VALUES (?, ?) ON DUPLICATE KEY UPDATE leaves = VALUES(leaves)',
        [bucket, JSON.stringify(leaves)],
      );
    }
  }
}

/** Roots of the leaves as they lie here, by bucket; of leaves that are none the root is empty. */
async function storedRoots(manager: EntityManager): Promise<string[]> {
  const rows = await manager.query<{ bucket: number; leaves: string }[]>('SELECT bucket, leaves FROM heartbeat_bucket');
  const roots = Array.from({ length: HEARTBEAT_BUCKETS }, () => EMPTY_ROOT);
  for (const { bucket, leaves } of rows) {
    roots[bucket] = rootOf(leaves);
  }
  return roots;
}

function rootOf(text: string): string {
  try {
    return bucketRoot(Leaves.parse(JSON.parse(text)));
  } catch {
    return '';
  }
}

/** @throws HeartbeatRefused */
function assertAddsUp(heartbeat: Heartbeat, request: HeartbeatRequest): void {
  if (heartbeatRoot(request.bucketRoots) !== heartbeat.root) {
    throw new HeartbeatRefused('the bucket roots do not lead to the signed root');
  }
  if (new Set(request.buckets.map((bucket) => bucket.bucket)).size !== request.buckets.length) {
    throw new HeartbeatRefused('a bucket comes twice');
  }
  for (const bucket of request.buckets) {
    assertBucket(bucket, request.bucketRoots[bucket.bucket]);
  }
}

function assertBucket({ bucket, leaves }: HeartbeatBucket, root: string | undefined): void {
  if (leaves.some((leaf) => bucketOf(leaf.patientRef) !== bucket)) {
    throw new HeartbeatRefused('a leaf lies in another bucket than its own');
  }
  if (new Set(leaves.map((leaf) => leaf.patientRef)).size !== leaves.length) {
    throw new HeartbeatRefused('a chart comes twice in its bucket');
  }
  if (bucketRoot(leaves) !== root) {
    throw new HeartbeatRefused('the leaves of a bucket do not lead to its root');
  }
}
