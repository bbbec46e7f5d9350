import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { KEPT } from './release-times.js';
import { versionAmong } from './released-sections.js';

/** What the DMZ acknowledged about one entry, and when; instants are UTC. */
export interface ItemEvent {
  /**
   * `released`: from then on in the portal; `there`: at the latest from then on, what was before is not known; `changed`:
   * in another version; `withdrawn`: no longer in the portal; `held`: a decision kept it inside; `access-ended`: it was
   * decided that the whole chart leaves the portal, and the DMZ has done so
   */
  event: 'released' | 'there' | 'changed' | 'withdrawn' | 'held' | 'access-ended';
  at: string;
  /** of the chart's manifest; null for what is no push */
  version: { era: number; seq: number } | null;
  /** section it stands in, and first 16 bytes of SHA-256 of its canonical JSON, hex */
  section: string | null;
  hash: string | null;
  /** that held it, or released it by ending; null: none named it, as nobody decides about most entries */
  decision: { id: number; kind: string; reason: string; author: string; endedBy: string | null } | null;
}

const Pushed = z.array(
  z.object({
    name: z.string(),
    era: z.number(),
    seq: z.coerce.number(),
    items: z.instanceof(Buffer).nullable(),
    at: z.string(),
    isOld: z.coerce.boolean(),
  }),
);
const Held = z.array(
  z.object({
    id: z.number(),
    kind: z.string(),
    reason: z.string(),
    author: z.string(),
    endedBy: z.string().nullable(),
    since: z.string(),
    until: z.string().nullable(),
  }),
);
const Ended = z.array(z.object({ at: z.string() }));

const INSTANT = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%dT%H:%i:%s.%fZ')`;
const NO_PUSH = { version: null, section: null, hash: null, decision: null };

/**
 * An entry's versions in the portal, oldest first, with what let it wait. Empty for one that nothing is known of.
 * @param itemId as `release items` prints it
 */
export async function readItemHistory(manager: EntityManager, pid: number, itemId: string): Promise<ItemEvent[]> {
  const rows: unknown = await manager.query(
    `SELECT d.id, d.kind, d.reason, d.author, d.ended_by AS endedBy, ${INSTANT('w.since')} AS since,
            ${INSTANT('w.ended_at')} AS until
       FROM withheld_item w JOIN release_decision d ON d.id = w.decision_id
      WHERE w.pid = ? AND w.resource_id = UNHEX(?) ORDER BY w.id`,
    [pid, itemId],
  );
  const held = Held.parse(rows);
  const releasedBy = (at: string): ItemEvent['decision'] => {
    const last = held.findLast(({ since, until }) => since < at && until !== null && at <= until);
    return last === undefined ? null : decisionOf(last);
  };
  const pushes = (await eventsOfPushes(manager, pid, itemId)).map((event): ItemEvent => ({
    ...event,
    decision: event.event === 'released' ? releasedBy(event.at) : null,
  }));
  const holds = held.map((each): ItemEvent => ({
    ...NO_PUSH,
    event: 'held',
    at: each.since,
    decision: decisionOf(each),
  }));
  return [...pushes, ...holds].sort((a, b) => Number(a.at > b.at) - Number(a.at < b.at));
}

function decisionOf({ id, kind, reason, author, endedBy }: z.infer<typeof Held>[number]): ItemEvent['decision'] {
  return { id, kind, reason, author, endedBy };
}

/** What changed for the entry with each push, and with each end of the access to the chart. */
async function eventsOfPushes(manager: EntityManager, pid: number, itemId: string): Promise<ItemEvent[]> {
  const rows: unknown = await manager.query(
    `SELECT r.name, r.era, r.seq, r.items, ${INSTANT('r.acked_at')} AS at,
            r.acked_at < UTC_TIMESTAMP(3) - INTERVAL ${KEPT} AS isOld
       FROM released_section r JOIN chart c ON c.patient_ref = r.patient_ref AND c.pid = ?
      ORDER BY r.acked_at, r.era, r.seq`,
    [pid],
  );
  const ends: unknown = await manager.query(
    `SELECT ${INSTANT('d.at')} AS at FROM patient_decision d JOIN chart c ON c.patient_ref = d.patient_ref AND c.pid = ?
      WHERE d.decision = 'revoked' AND d.revoked_at IS NOT NULL ORDER BY d.at`,
    [pid],
  );
  const pushes = Map.groupBy(Pushed.parse(rows), ({ era, seq }) => `${String(era)}.${String(seq)}`);
  const left = Ended.parse(ends).map(({ at }) => at);
  const places = new ItemPlaces(itemId);
  const events: ItemEvent[] = [];
  const endAccess = (until: string): void => {
    for (let at = left[0]; at !== undefined && at < until; left.shift(), at = left[0]) {
      if (places.now !== null) {
        events.push({ ...NO_PUSH, event: 'access-ended', at });
      }
      places.clear();
    }
  };
  for (const push of pushes.values()) {
    for (const { at, era, seq } of push.slice(0, 1)) {
      endAccess(at);
      const event = places.after(push);
      if (event !== null) {
        const { section = null, hash = null } = places.now ?? {};
        events.push({ event, at, version: { era, seq }, section, hash, decision: null });
      }
    }
  }
  endAccess(AFTER_ALL);
  return events;
}

const AFTER_ALL = '9999';

/** Where an entry stands, push after push. */
class ItemPlaces {
  private readonly hashes = new Map<string, string>();
  /** sections whose last version is not known entry by entry, or may not be their first */
  private readonly unknown = new Set<string>();
  private readonly seen = new Set<string>();

  constructor(private readonly itemId: string) {}

  get now(): { section: string; hash: string } | null {
    const [first] = this.hashes;
    return first === undefined ? null : { section: first[0], hash: first[1] };
  }

  clear(): void {
    this.hashes.clear();
  }

  /** @returns what it changed for the entry; null when nothing */
  after(push: z.infer<typeof Pushed>): ItemEvent['event'] | null {
    const before = this.now?.hash;
    const unsure = push.some(({ name, isOld }) => this.unknown.delete(name) || (isOld && !this.seen.has(name)));
    for (const { name, items } of push) {
      this.seen.add(name);
      const hash = items === null ? undefined : versionAmong(items, this.itemId);
      if (items === null) {
        this.unknown.add(name);
      }
      if (hash === undefined) {
        this.hashes.delete(name);
      } else {
        this.hashes.set(name, hash);
      }
    }
    const hash = this.now?.hash;
    if (hash === before) {
      return null;
    }
    if (hash === undefined) {
      return 'withdrawn';
    }
    return before === undefined ? (unsure ? 'there' : 'released') : 'changed';
  }
}

const WORDS: Readonly<Record<ItemEvent['event'], string>> = {
  held: 'kept inside',
  released: 'in the portal',
  there: 'in the portal, perhaps for longer',
  changed: 'in the portal in another version',
  withdrawn: 'not in the portal any more',
  'access-ended': 'access ended: the chart and its keys left the portal',
};

export function describeHistory(events: readonly ItemEvent[]): string {
  const lines = events.map(({ event, at, version, section, hash, decision }) =>
    [
      at.replace(/\d{3}Z$/, 'Z'),
      WORDS[event],
      ...(version === null ? [] : [`version ${String(version.era)}.${String(version.seq)}`]),
      ...(section === null ? [] : [section]),
      ...(hash === null ? [] : [`hash ${hash}`]),
      ...(event === 'released' && decision === null ? ['no decision named it'] : []),
      ...(decision === null ? [] : [describeDecision(event, decision)]),
    ].join('  '),
  );
  return lines.length === 0
    ? 'no version of this entry was acknowledged, and nobody held it\n'
    : `${lines.join('\n')}\n`;
}

function describeDecision(event: ItemEvent['event'], decision: NonNullable<ItemEvent['decision']>): string {
  const { id, kind, reason, author, endedBy } = decision;
  const what = `decision ${String(id)} (${kind}, ${reason}, ${author})`;
  return event === 'held' ? `by ${what}` : `after ${what}${endedBy === null ? ', expired' : `, lifted by ${endedBy}`}`;
}
