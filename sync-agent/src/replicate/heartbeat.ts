import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import type { HeartbeatRequest } from 'sync-contract/gateway-wire';
import {
  bucketOf,
  bucketRoot,
  HEARTBEAT_BUCKETS,
  heartbeatRoot,
  signHeartbeat,
  type Heartbeat,
  type HeartbeatLeaf,
} from 'sync-contract/heartbeat';
import { compareVersions } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient, Handshake } from '../gateway-client/gateway-client.js';
import { Conflict } from '../gateway-client/gateway-failures.js';
import type { KeyStore } from '../keys/key-store.js';
import { readCurrency, type Currency } from './currency.js';
import { isRefillDue, refillDmz } from './refill-dmz.js';
import { stopHeartbeats } from './replica-ahead.js';

const Leaves = z.array(
  z.object({ patientRef: z.string(), era: z.number(), seq: z.coerce.number(), manifestHash: z.string() }),
);
const State = z.array(
  z.object({
    era: z.number(),
    seq: z.coerce.number(),
    ackedSeq: z.coerce.number(),
    stoppedReason: z.string().nullable(),
  }),
);
const EXCEPTIONS = 10_000;

/**
 * Signs and sends which manifest each chart has and how current the replica is. Its number is committed before it leaves.
 * Only buckets that changed since the last acknowledged heartbeat travel; a gateway that lacks others names them and
 * gets them at once.
 *
 * A gateway that holds a number this ledger never made stops the agent for good. Numbers must not run after it: at the
 * start, and after a heartbeat that was not acknowledged, the gateway is asked before another number is used. One that
 * says that it comes from a backup, or holds less than it acknowledged, gets everything again.
 *
 * A time that lies ahead of the gateway's clock is not taken; nothing changes here, because the gateway's clock may be the
 * wrong one.
 */
export class HeartbeatSender {
  /** roots of the last acknowledged heartbeat of this run, by bucket */
  private acked: readonly string[] | null = null;
  /** the gateway took the last heartbeat, so it holds no other number */
  private certain = false;
  private seen: Handshake | undefined;

  constructor(
    private readonly ledger: DataSource,
    private readonly keys: KeyStore,
    private readonly gateway: Pick<GatewayClient, 'handshake' | 'hello' | 'sendHeartbeat'>,
  ) {}

  /**
   * @returns false when there is nothing to say: no clock marker was read yet, or heartbeats are stopped
   * @throws Transient, Permanent, HeartbeatAhead
   */
  async send(): Promise<boolean> {
    const standing = (await isStopped(this.ledger.manager)) ? null : await readStanding(this.ledger);
    if (standing === null) {
      return false;
    }
    const { currency, buckets } = standing;
    if (!this.certain || this.gateway.handshake !== this.seen) {
      await this.compareWithGateway(0);
    }
    if (await isRefillDue(this.ledger)) {
      this.acked = null;
      await refillDmz(this.ledger);
    }
    const { certain } = this;
    this.certain = false;
    const roots = buckets.map((leaves) => bucketRoot(leaves));
    const { era, seq } = await this.ledger.transaction(async (manager) => {
      const number = await nextNumber(manager, certain);
      crashPoint('before-commit:heartbeat');
      return number;
    });
    crashPoint('after-commit:heartbeat');
    const { t, exceptions } = timesOf(currency);
    const body: Omit<HeartbeatRequest, 'v' | 'buckets'> = {
      heartbeat: signHeartbeat(
        {
          v: PROTOCOL_VERSION,
          site: this.keys.siteId,
          era,
          seq,
          issuedAt: new Date().toISOString(),
          t,
          root: heartbeatRoot(roots),
          exceptions,
        },
        this.keys.signing,
      ),
      bucketRoots: roots,
    };
    await this.push(body, buckets, changedBuckets(roots, this.acked));
    this.acked = roots;
    this.certain = true;
    crashPoint('after-push:heartbeat');
    return true;
  }

  /** @param above 0: the gateway may hold the ledger's last number, -1: only lower ones @throws HeartbeatAhead */
  private async compareWithGateway(above: 0 | -1): Promise<void> {
    const { heartbeat: held, restored } = await this.gateway.hello();
    this.seen = this.gateway.handshake;
    const { era, seq, ackedSeq } = await readState(this.ledger.manager);
    if (held !== null && compareVersions(held, { era, seq: seq + above }) > 0) {
      await stopHeartbeats(this.ledger);
    }
    // A DMZ whose disk was put back by other means than its own command does not know it. A number that no gateway is
    // known to have taken is no sign: its heartbeat may never have arrived.
    const known = this.certain ? seq : ackedSeq;
    const behind = known > 0 && (held === null || compareVersions(held, { era, seq: known }) < 0);
    if (restored || behind) {
      this.acked = null;
      await refillDmz(this.ledger);
    }
  }

  private async push(
    body: Omit<HeartbeatRequest, 'v' | 'buckets'>,
    buckets: readonly HeartbeatLeaf[][],
    travelling: readonly number[],
  ): Promise<void> {
    const pick = (numbers: readonly number[]): HeartbeatRequest['buckets'] =>
      numbers.map((bucket) => ({ bucket, leaves: buckets[bucket] ?? [] }));
    try {
      await this.gateway.sendHeartbeat({ ...body, buckets: pick(travelling) });
    } catch (failure: unknown) {
      const missing = failure instanceof Conflict ? missingOf(failure.problem) : [];
      if (missing.length === 0) {
        if (failure instanceof Conflict) {
          // Refused as not newer, though this number was used for the first time.
          await this.compareWithGateway(-1);
        }
        throw failure;
      }
      if (this.acked !== null) {
        // It lacks what it had acknowledged.
        await this.compareWithGateway(0);
      }
      this.acked = null;
      await this.gateway.sendHeartbeat({
        ...body,
        buckets: pick([...new Set([...travelling, ...missing])].sort(byNumber)),
      });
    }
  }
}

async function readState(manager: EntityManager): Promise<z.infer<typeof State>[number]> {
  const rows: unknown = await manager.query(
    'SELECT era, seq, acked_seq AS ackedSeq, stopped_reason AS stoppedReason FROM heartbeat_state WHERE id = 1',
  );
  return State.parse(rows)[0] ?? { era: 1, seq: 0, ackedSeq: 0, stoppedReason: null };
}

async function isStopped(manager: EntityManager): Promise<boolean> {
  return (await readState(manager)).stoppedReason !== null;
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function missingOf(problem: unknown): number[] {
  return z.object({ missing: z.array(z.int().min(0).max(255)) }).safeParse(problem).data?.missing ?? [];
}

/**
 * At one moment: a chart whose first push is acknowledged between two looks would be named without the older time that it
 * has while the rest of it is still to come. Null when no clock marker was read yet.
 */
async function readStanding(ledger: DataSource): Promise<{ currency: Currency; buckets: HeartbeatLeaf[][] } | null> {
  return ledger.transaction('REPEATABLE READ', async (manager) => {
    const currency = await readCurrency(manager);
    return currency === null ? null : { currency, buckets: await readBuckets(manager) };
  });
}

/** Every chart that the DMZ ought to have, in the buckets of the heartbeat. */
export async function readBuckets(manager: EntityManager): Promise<HeartbeatLeaf[][]> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(c.patient_ref)) AS patientRef, c.era, c.seq, LOWER(HEX(c.manifest_hash)) AS manifestHash
       FROM chart c JOIN patient p ON p.pid = c.pid
      WHERE c.seq > 0 AND p.state <> 'revoked' ORDER BY c.patient_ref`,
  );
  const buckets: HeartbeatLeaf[][] = Array.from({ length: HEARTBEAT_BUCKETS }, () => []);
  for (const leaf of Leaves.parse(rows)) {
    buckets[bucketOf(leaf.patientRef)]?.push(leaf);
  }
  return buckets;
}

const EMPTY_ROOT = bucketRoot([]);

/** The gateway may hold buckets of an earlier run, empty ones too: what is not known to be there travels. */
function changedBuckets(roots: readonly string[], acked: readonly string[] | null): number[] {
  return roots.flatMap((root, bucket) => {
    const there = acked === null ? (root === EMPTY_ROOT ? EMPTY_ROOT : undefined) : acked[bucket];
    return root === there ? [] : [bucket];
  });
}

const BEGIN = 'INSERT IGNORE INTO heartbeat_state (id, era, seq) VALUES (1, 1, 0)';

/** @param certain whether the gateway took the last one, which is kept with the next */
async function nextNumber(manager: EntityManager, certain: boolean): Promise<z.infer<typeof State>[number]> {
  await manager.query(BEGIN);
  await manager.query(`UPDATE heartbeat_state SET ${certain ? 'acked_seq = seq, ' : ''}seq = seq + 1 WHERE id = 1`);
  return readState(manager);
}

/** A heartbeat carries so many exceptions; when more charts lag, the practice's time is that of the next one. */
function timesOf({ practice, exceptions }: Currency): Pick<Heartbeat, 't' | 'exceptions'> {
  const oldestFirst = [...exceptions]
    .map(([patientRef, t]) => ({ patientRef, t }))
    .sort((a, b) => (a.t < b.t ? -1 : 1));
  return { t: oldestFirst[EXCEPTIONS]?.t ?? practice, exceptions: oldestFirst.slice(0, EXCEPTIONS) };
}
