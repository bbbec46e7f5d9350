import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  HEARTBEAT_BUCKETS,
  HeartbeatLeaf,
  bucketOf,
  bucketRoot,
  heartbeatRoot,
  verifyHeartbeat,
  type Heartbeat,
} from 'sync-contract/heartbeat';
import { Signed, StatementRefused } from 'sync-contract/signed';
import { z } from 'zod';
import { PortalConfig } from '../config.js';
import { KeyringService } from '../keys/keyring.service.js';
import { ReplicaUnverified } from './chart.problems.js';

interface HeartbeatRow {
  signed: string;
  roots: Buffer;
  leaves: string | null;
}

interface Verified {
  heartbeat: Heartbeat;
  roots: string[];
  exceptions: Map<string, string>;
}

/** What the newest heartbeat says of one chart. */
export interface ChartHeartbeat {
  /** null while the heartbeat does not know the chart yet */
  leaf: HeartbeatLeaf | null;
  /** how current the chart is by the heartbeat; null while it does not know the chart */
  t: string | null;
}

const ROOT_BYTES = 32;

/**
 * The highest heartbeat this process has seen, verified down to the leaf of a chart. A database that shows an older
 * one, or none after there was one, has been rolled back.
 */
@Injectable()
export class HeartbeatWatch {
  private verified: Verified | undefined;
  private readonly buckets = new Map<number, { root: string; leaves: Map<string, HeartbeatLeaf> }>();
  private readonly readings = new Map<number, Promise<void>>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly keyring: KeyringService,
    private readonly config: PortalConfig,
  ) {}

  /**
   * @param stored era and seq that the database shows now; null when it has no heartbeat
   * @throws ReplicaUnverified
   */
  async ofChart(patientRef: string, stored: { era: number; seq: number } | null): Promise<ChartHeartbeat> {
    if (stored === null) {
      if (this.verified !== undefined) {
        throw new ReplicaUnverified('the heartbeat is gone');
      }
      return { leaf: null, t: null };
    }
    if (this.orderAfterKnown(stored) < 0) {
      throw new ReplicaUnverified('the heartbeat is older than one seen before');
    }
    const bucket = bucketOf(patientRef);
    while (this.orderAfterKnown(stored) > 0 || !this.holdsBucket(bucket)) {
      await this.readOnce(bucket, stored);
    }
    const leaf = this.buckets.get(bucket)?.leaves.get(patientRef) ?? null;
    return { leaf, t: leaf === null ? null : this.currentAsOf(patientRef) };
  }

  /** Positive when it is newer than the highest one seen, negative when it is older. */
  private orderAfterKnown({ era, seq }: { era: number; seq: number }): number {
    const known = this.verified?.heartbeat;
    return known === undefined ? 1 : era - known.era || seq - known.seq;
  }

  /** Requests that meet a new heartbeat at once share one reading; whose `stored` is newer still reads again. */
  private async readOnce(bucket: number, stored: { era: number; seq: number }): Promise<void> {
    let reading = this.readings.get(bucket);
    if (reading === undefined) {
      reading = this.read(bucket, stored).finally(() => {
        this.readings.delete(bucket);
      });
      this.readings.set(bucket, reading);
    }
    await reading;
  }

  private holdsBucket(bucket: number): boolean {
    const held = this.buckets.get(bucket);
    return held !== undefined && held.root === this.verified?.roots[bucket];
  }

  private currentAsOf(patientRef: string): string | null {
    return this.verified?.exceptions.get(patientRef) ?? this.verified?.heartbeat.t ?? null;
  }

  /** Heartbeat and bucket in one look, so that they belong together. */
  private async read(bucket: number, stored: { era: number; seq: number }): Promise<void> {
    const [row] = await this.dataSource.query<HeartbeatRow[]>(
      `SELECT h.signed AS signed, h.bucket_roots AS roots, b.leaves AS leaves
       FROM heartbeat h LEFT JOIN heartbeat_bucket b ON b.bucket = ? WHERE h.id = 1`,
      [bucket],
    );
    if (row === undefined) {
      throw new ReplicaUnverified('the heartbeat is gone');
    }
    const verified = await this.verify(row);
    if ((verified.heartbeat.era - stored.era || verified.heartbeat.seq - stored.seq) < 0) {
      throw new ReplicaUnverified('the heartbeat is not the one its row claims');
    }
    const leaves = parseLeaves(row.leaves);
    const root = verified.roots[bucket] ?? '';
    if (leaves === null || bucketRoot(leaves) !== root) {
      throw new ReplicaUnverified("the heartbeat's bucket has another root");
    }
    if (this.orderAfterKnown(verified.heartbeat) < 0) {
      throw new ReplicaUnverified('the heartbeat is older than one seen before');
    }
    this.verified = verified;
    this.buckets.set(bucket, { root, leaves: new Map(leaves.map((leaf) => [leaf.patientRef, leaf])) });
  }

  private async verify(row: HeartbeatRow): Promise<Verified> {
    try {
      const signed = Signed.parse(JSON.parse(row.signed));
      await this.keyring.know(signed.kid);
      const heartbeat = verifyHeartbeat(signed, this.config.siteId, this.keyring.signer);
      await this.keyring.assertBegun(heartbeat.era);
      const roots = splitRoots(row.roots);
      if (heartbeatRoot(roots) !== heartbeat.root) {
        throw new StatementRefused('the buckets have another root');
      }
      const exceptions = new Map(heartbeat.exceptions.map(({ patientRef, t }) => [patientRef, t]));
      return { heartbeat, roots, exceptions };
    } catch (error: unknown) {
      throw new ReplicaUnverified(
        error instanceof StatementRefused ? error.message : 'the heartbeat has another shape',
      );
    }
  }
}

function splitRoots(bytes: Buffer): string[] {
  if (bytes.length !== HEARTBEAT_BUCKETS * ROOT_BYTES) {
    throw new StatementRefused('it has another number of buckets');
  }
  return Array.from({ length: HEARTBEAT_BUCKETS }, (_, i) =>
    bytes.subarray(i * ROOT_BYTES, (i + 1) * ROOT_BYTES).toString('hex'),
  );
}

function parseLeaves(text: string | null): HeartbeatLeaf[] | null {
  if (text === null) {
    return [];
  }
  try {
    return z.array(HeartbeatLeaf).parse(JSON.parse(text));
  } catch {
    return null;
  }
}
