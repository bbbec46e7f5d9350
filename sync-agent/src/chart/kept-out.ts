import type { RecordClass } from 'sync-contract/classes';
import { ResourcesContent, type Resource } from 'sync-contract/section-content';
import { z } from 'zod';
import { idsIn, someObject } from './references.js';
import type { RenderedSection } from './render-chart.js';

/** A decision in force, as far as it says which items it means. */
export interface ReleaseDecision {
  id: number;
  kind: 'hold' | 'rule' | 'recall' | 'wish';
  /** the item of a hold or recall, or one that a patient's wish means; null for a rule */
  resourceId: string | null;
  /** what a rule asks of an item; null: does not matter */
  recordClass: string | null;
  /** empty for codes without a system */
  codeSystem: string | null;
  /** with `*` at its end: every code that begins so */
  code: string | null;
  sensitivity: string | null;
}

/** What no decision can reach, by whatever rule or hold: messages were released by who sent them. */
export const ALWAYS_RELEASED: ReadonlySet<RecordClass> = new Set(['profile', 'messages', 'practice']);

/** People and places that entries name: no items of the chart, they come and go with who names them. */
export const SUPPORTING: ReadonlySet<string> = new Set([
  'Practitioner',
  'PractitionerRole',
  'Organization',
  'Location',
  'RelatedPerson',
]);

/** An entry of the chart and what it has to do with others. */
export interface Item {
  resource: Resource;
  recordClass: RecordClass;
  /** ids of its parts that are there */
  parts: readonly string[];
  /** ids of those whose words it repeats or which it belongs to */
  repeats: readonly string[];
}

/** Why an item is kept out. */
export interface Verdict {
  decision: ReleaseDecision;
  /** named by the decision itself, or gone because of another item */
  how: 'named' | 'part' | 'repeats' | 'emptied';
}

/** The chart's entries by id that a decision can reach, people and places left out. */
export function itemsOf(sections: readonly RenderedSection[]): Map<string, Item> {
  const items = new Map<string, Item>();
  for (const { content, recordClass } of sections) {
    for (const each of ALWAYS_RELEASED.has(recordClass) ? [] : resourcesOf(content)) {
      if (!SUPPORTING.has(each.resourceType)) {
        items.set(each.id, { resource: each, recordClass, parts: [], repeats: [] });
      }
    }
  }
  const known = (ids: readonly string[]): string[] => ids.filter((id) => items.has(id));
  for (const item of items.values()) {
    item.parts = known([...idsIn(item.resource['result']), ...idsIn(item.resource['hasMember'])]);
  }
  for (const [id, item] of items) {
    // A part goes with its whole, wherever it came from.
    item.repeats = known(repeatedBy(item.resource)).filter((other) => items.get(other)?.parts.includes(id) !== true);
  }
  return items;
}

/**
 * A procedure carries its reports' notes; what was handed out and what is in use are told with what they are; what was
 * derived from answers tells of them. A value says nothing of the rest of the document that it came with: who holds the
 * document takes the way to it, and not the value.
 */
function repeatedBy(each: Resource): string[] {
  switch (each.resourceType) {
    case 'Procedure':
      return idsIn(each['report']);
    case 'MedicationDispense':
      return idsIn(each['authorizingPrescription']);
    case 'DeviceUseStatement':
      return idsIn(each['device']);
    case 'Observation':
      return [...idsIn(each['partOf']), ...idsIn(answersBehind(each))];
    default:
      return idsIn(each['partOf']);
  }
}

const Pointing = z.looseObject({ type: z.string() });

function answersBehind({ derivedFrom }: Resource): unknown[] {
  const behind: unknown[] = Array.isArray(derivedFrom) ? derivedFrom : [];
  return behind.filter((each) => Pointing.safeParse(each).data?.type !== 'DocumentReference');
}

/** What the decisions mean for each item; who is not named here is shown. */
export function judge(items: ReadonlyMap<string, Item>, decisions: readonly ReleaseDecision[]): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const restricted = restrictedVisits(items);
  const ordered = [...decisions].sort((a, b) => RANK[a.kind] - RANK[b.kind] || a.id - b.id);
  for (const [id, item] of items) {
    const decision = ordered.find((each) => means(each, item, restricted));
    if (decision !== undefined) {
      verdicts.set(id, { decision, how: 'named' });
    }
  }
  let before: number;
  do {
    before = verdicts.size;
    spread(items, verdicts);
  } while (verdicts.size > before);
  return verdicts;
}

/** What was shown and is withdrawn keeps its sign, whatever else would hold it; what the practice holds is no wish. */
const RANK = { recall: 0, hold: 1, rule: 2, wish: 3 } as const;

function spread(items: ReadonlyMap<string, Item>, verdicts: Map<string, Verdict>): void {
  const give = (id: string, { decision }: Verdict, how: Verdict['how']): void => {
    if (!verdicts.has(id)) {
      verdicts.set(id, { decision, how });
    }
  };
  for (const [id, { parts, repeats, resource: each }] of items) {
    const own = verdicts.get(id);
    if (own !== undefined) {
      parts.forEach((partId) => {
        give(partId, own, 'part');
      });
      // Who holds an ordered procedure means what came of it; one that went with a report says nothing about the others.
      if (own.how === 'named' && each.resourceType === 'Procedure') {
        repeats.forEach((repeated) => {
          give(repeated, own, 'repeats');
        });
      }
      continue;
    }
    const repeated = repeats.map((other) => verdicts.get(other)).find((other) => other !== undefined);
    if (repeated !== undefined) {
      give(id, repeated, 'repeats');
    }
    const ofParts = parts.map((partId) => verdicts.get(partId));
    const [first] = ofParts;
    // The name of a report tells of a value that is its only one.
    if (first !== undefined && ofParts.every((other) => other !== undefined)) {
      give(id, first, 'emptied');
    }
  }
}

/** Ids of the visits that the practice keeps from part of its staff. */
function restrictedVisits(items: ReadonlyMap<string, Item>): ReadonlySet<string> {
  const found = [...items.values()].filter(
    ({ resource: { resourceType, meta } }) =>
      resourceType === 'Encounter' && Labelled.safeParse(meta).data?.security.some(({ code }) => code === 'R') === true,
  );
  return new Set(found.map(({ resource: { id } }) => id));
}

const Labelled = z.object({ security: z.array(z.object({ code: z.string() })) });

function means(decision: ReleaseDecision, item: Item, restricted: ReadonlySet<string>): boolean {
  if (decision.resourceId !== null) {
    return decision.resourceId === item.resource.id;
  }
  const { recordClass, code, sensitivity } = decision;
  const asks = recordClass !== null || code !== null || sensitivity !== null;
  return (
    asks &&
    (recordClass === null || recordClass === item.recordClass) &&
    (code === null || hasCode(item.resource, decision.codeSystem ?? '', code)) &&
    (sensitivity === null || isOfVisit(item.resource, restricted))
  );
}

function isOfVisit({ id, ...rest }: Resource, visits: ReadonlySet<string>): boolean {
  return visits.has(id) || (visits.size > 0 && idsIn(rest).some((other) => visits.has(other)));
}

/** @param wanted with `*` at its end: every code that begins so */
export function fitsCode(wanted: string, code: string): boolean {
  const [asked, given] = [wanted.toLowerCase(), code.toLowerCase()];
  return asked.endsWith('*') ? given.startsWith(asked.slice(0, -1)) : given === asked;
}

const Coded = z.looseObject({ system: z.string().optional(), code: z.string() });

function hasCode({ meta: _labels, ...facts }: Resource, system: string, wanted: string): boolean {
  return someObject(facts, (each) => {
    const coded = Coded.safeParse(each).data;
    return coded !== undefined && (coded.system ?? '') === system && fitsCode(wanted, coded.code);
  });
}

export function resourcesOf(content: unknown): Resource[] {
  return ResourcesContent.safeParse(content).data?.resources ?? [];
}
