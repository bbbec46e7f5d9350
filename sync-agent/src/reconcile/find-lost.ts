import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import type { Tally } from './difference.js';
import { isCatchingUp } from './read-ledger.js';

export interface LostWith {
  ledger: DataSource;
  gateway: Pick<GatewayClient, 'readMissing'>;
  /** told of what was not known before, by opaque ids */
  onLost: (places: readonly string[]) => void;
}

interface Place {
  kind: 'submission-lost' | 'stream-gap';
  place: string;
}

const Ids = z.array(z.object({ id: z.string() }));
const Places = z.array(z.object({ place: z.string() }));
const Inserted = z.object({ affectedRows: z.number() });
/** More than a person could look at, and no more than a hostile DMZ may fill the ledger with in a run. */
const NOTED_AT_ONCE = 1_000;

/**
 * Submissions that the DMZ itself says it accepted, that are not in its outbox, and that were never collected: somebody
 * deleted them, for nothing of the system does. They cannot be had again, only be told; each is counted in every
 * comparison until a person has confirmed it.
 * @throws Transient, Permanent
 */
export async function findLost(
  { ledger, gateway, onLost }: LostWith,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  if (await isCatchingUp(ledger.manager)) {
    return;
  }
  const lost: Place[] = [];
  for (let after: string | null = null, more = true; more && lost.length < NOTED_AT_ONCE;) {
    signal.throwIfAborted();
    const page = await gateway.readMissing({ after });
    lost.push(...(await neverCollected(ledger.manager, page.submissions)));
    lost.push(...(await neverReached(ledger.manager, page.streams)));
    const last = page.streams.at(-1)?.stream ?? null;
    more = page.more && last !== null && last > (after ?? '');
    after = last;
  }
  const places = lost.slice(0, NOTED_AT_ONCE);
  const fresh = await note(ledger, places);
  if (fresh.length > 0) {
    onLost(fresh);
  }
  const open = await unconfirmed(ledger.manager);
  for (const { kind, place } of places) {
    tally.count(kind, open.has(place) ? 1 : 0);
  }
}

async function neverCollected(manager: EntityManager, ids: readonly string[]): Promise<Place[]> {
  if (ids.length === 0) {
    return [];
  }
  const rows: unknown = await manager.query(
    'SELECT LOWER(HEX(submission_id)) AS id FROM submission WHERE submission_id IN (?)',
    [ids.map((id) => Buffer.from(id.replaceAll('-', ''), 'hex'))],
  );
  const known = new Set(Ids.parse(rows).map(({ id }) => id));
  return ids
    .filter((id) => !known.has(id.replaceAll('-', '')))
    .map((id) => ({ kind: 'submission-lost', place: `submission ${id}` }));
}

/** Only the highest number that was collected counts: what lies between is the delivery's to find. */
async function neverReached(
  manager: EntityManager,
  streams: readonly { stream: string; seq: number }[],
): Promise<Place[]> {
  if (streams.length === 0) {
    return [];
  }
  const rows: unknown = await manager.query(
    `SELECT CONCAT(LOWER(HEX(stream)), ' ', stream_seq) AS id FROM submission WHERE (stream, stream_seq) IN (?)`,
    [streams.map(({ stream, seq }) => [Buffer.from(stream, 'hex'), seq])],
  );
  const known = new Set(Ids.parse(rows).map(({ id }) => id));
  return streams
    .map(({ stream, seq }) => `${stream} ${String(seq)}`)
    .filter((id) => !known.has(id))
    .map((id) => ({ kind: 'stream-gap', place: `stream ${id}` }));
}

/** @returns places that were not noted before */
async function note(ledger: DataSource, places: readonly Place[]): Promise<string[]> {
  if (places.length === 0) {
    return [];
  }
  const fresh = await ledger.transaction(async (manager) => {
    const added: string[] = [];
    for (const { place } of places) {
      const result: unknown = await manager.query(
        'INSERT IGNORE INTO lost_submission (place, found_at) VALUES (?, UTC_TIMESTAMP(3))',
        [place],
      );
      if (Inserted.parse(result).affectedRows > 0) {
        added.push(place);
      }
    }
    crashPoint('before-commit:lost-noted');
    return added;
  });
  crashPoint('after-commit:lost-noted');
  return fresh;
}

async function unconfirmed(manager: EntityManager): Promise<Set<string>> {
  const rows: unknown = await manager.query('SELECT place FROM lost_submission WHERE confirmed_at IS NULL');
  return new Set(Places.parse(rows).map(({ place }) => place));
}
