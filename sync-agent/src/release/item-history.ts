import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { versionAmong } from './released-sections.js';

/** What the DMZ acknowledged about one entry, and when; instants are UTC. */
export interface ItemEvent {
  /**
   * `released`: from then on in the portal; `changed`: in another version; `withdrawn`: no longer in the portal;
   * `held`: a decision kept it inside; `access-ended`: the whole chart left the portal
   */
  event: 'released' | 'changed' | 'withdrawn' | 'held' | 'access-ended';
  at: string;
  /** of the chart's manifest; null for what is no push */
  version: { era: number; seq: number } | null;
  /** section it stands in, and first 16 bytes of SHA-256 of its canonical JSON, hex */
  section: string | null;
  hash: string | null;
  /** decision that held it, or that released it by ending; null: at once, as everything is that nobody decided about */
  decision: { id: number; kind: string; reason: string; author: string; endedBy: string | null } | null;
}

const Pushed = z.array(
  z.object({ name: z.string(), era: z.number(), seq: z.coerce.number(), items: z.instanceof(Buffer), at: z.string() }),
);
const Held = z.array(
  z.object({
    id: z.number(),
    kind: z.string(),
    reason: z.string(),
    author: z.string(),
    endedBy: z.string().nullable(),
    since: z.string(),
    releasedSeq: z.coerce.number().nullable(),
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
            w.released_seq AS releasedSeq
       FROM withheld_item w JOIN release_decision d ON d.id = w.decision_id
      WHERE w.pid = ? AND w.resource_id = UNHEX(?) ORDER BY w.id`,
    [pid, itemId],
  );
  const held = Held.parse(rows);
  const released = new Map(held.map((each) => [each.releasedSeq, decisionOf(each)]));
  const pushes = (await eventsOfPushes(manager, pid, itemId)).map((event): ItemEvent => ({
    ...event,
    decision: event.event === 'withdrawn' ? null : (released.get(event.version?.seq ?? null) ?? null),
  }));
  const holds = held.map((each): ItemEvent => ({
    ...NO_PUSH,
    event: 'held',
    at: each.since,
    decision: decisionOf(each),
  }));
  return [...pushes, ...holds].sort((a, b) => (a.at < b.at ? -1 : 1));
}

function decisionOf({ id, kind, reason, author, endedBy }: z.infer<typeof Held>[number]): ItemEvent['decision'] {
  return { id, kind, reason, author, endedBy };
}

/** Where the entry stood after each push, told when it is another place or version than before. */
async function eventsOfPushes(manager: EntityManager, pid: number, itemId: string): Promise<ItemEvent[]> {
  const rows: unknown = await manager.query(
    `SELECT r.name, r.era, r.seq, r.items, ${INSTANT('r.acked_at')} AS at
       FROM released_section r JOIN chart c ON c.patient_ref = r.patient_ref AND c.pid = ?
      ORDER BY r.acked_at, r.era, r.seq`,
    [pid],
  );
  const ends: unknown = await manager.query(
    `SELECT ${INSTANT('d.revoked_at')} AS at FROM patient_decision d JOIN chart c ON c.patient_ref = d.patient_ref AND c.pid = ?
      WHERE d.decision = 'revoked' AND d.revoked_at IS NOT NULL ORDER BY d.revoked_at`,
    [pid],
  );
  const pushes = [...Map.groupBy(Pushed.parse(rows), ({ era, seq }) => `${String(era)}.${String(seq)}`).values()];
  const left = Ended.parse(ends).map(({ at }) => at);
  const places = new Map<string, string>();
  const events: ItemEvent[] = [];
  const endAccess = (until: string): void => {
    for (let at = left[0]; at !== undefined && at < until; left.shift(), at = left[0]) {
      if (places.size > 0) {
        events.push({ ...NO_PUSH, event: 'access-ended', at });
      }
      places.clear();
    }
  };
  for (const push of pushes) {
    const [{ at, era, seq }] = push as [(typeof push)[number]];
    endAccess(at);
    const before = [...places.values()][0] ?? null;
    for (const { name, items } of push) {
      const hash = versionAmong(items, itemId);
      if (hash === undefined) {
        places.delete(name);
      } else {
        places.set(name, hash);
      }
    }
    const [[section, hash] = [null, null]] = [...places];
    if (hash !== before) {
      events.push({ event: eventOf(before, hash), at, version: { era, seq }, section, hash, decision: null });
    }
  }
  endAccess('9999');
  return events;
}

function eventOf(before: string | null, hash: string | null): ItemEvent['event'] {
  if (hash === null) {
    return 'withdrawn';
  }
  return before === null ? 'released' : 'changed';
}

const WORDS: Readonly<Record<ItemEvent['event'], string>> = {
  held: 'kept inside',
  released: 'in the portal',
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
      ...(event === 'released' && decision === null ? ['at once'] : []),
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
