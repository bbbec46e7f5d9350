import type { RecordClass } from 'sync-contract/classes';
import { BillingContent, ResourcesContent, YearsContent, type Resource } from 'sync-contract/section-content';
import { z } from 'zod';
import { resource } from './fhir.js';
import {
  fitsCode,
  itemsOf,
  judge,
  resourcesOf,
  SUPPORTING,
  type Item,
  type ReleaseDecision,
  type Verdict,
} from './kept-out.js';
import { idOf, idsIn, isRecord } from './references.js';
import type { RenderedSection } from './render-chart.js';

/** An entry that the sections do not show, and whose decision it was. */
export interface WithheldItem {
  resourceId: string;
  resourceType: string;
  recordClass: RecordClass;
  decisionId: number;
  /** instant by the ledger's clock, where the index says it; absent: when the ledger learns of it */
  since?: string;
}

export interface Withholding {
  sections: RenderedSection[];
  /** entries only; their parts and the people whom nothing else names are gone with them */
  withheld: WithheldItem[];
  /** by class: how many resources fewer its sections have */
  fewer: ReadonlyMap<RecordClass, number>;
}

/** What stands in the place of a recalled item: HL7's word for content that was taken out, and nothing of the item. */
export const WITHDRAWN = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'REDACTED',
  display: 'redacted',
} as const;

/**
 * Takes out of a chart's sections what decisions keep from the portal. Pure. The sections must be all that the decisions
 * can reach, because what is named in one section may stand in another: then nothing of an item that is kept out remains,
 * neither its id nor its words in a reference, in a count, in an index, in what repeats it, nor people whom only it
 * named. In the place of a recalled item stands its id with `WITHDRAWN`. What somebody wrote about the same matter into
 * another entry is another item.
 */
export function withhold(sections: readonly RenderedSection[], decisions: readonly ReleaseDecision[]): Withholding {
  const items = decisions.length === 0 ? new Map<string, Item>() : itemsOf(sections);
  const verdicts = judge(items, decisions);
  if (decisions.length === 0) {
    return { sections: [...sections], withheld: [], fewer: new Map() };
  }
  const tombstones = tombstonesOf(items, verdicts);
  const cut = sections.map((section) =>
    withoutStatements(withoutWithheld(section, verdicts, tombstones), verdicts, decisions),
  );
  const kept = withIndexes(sections, cut, items);
  return { sections: kept, withheld: entriesOf(items, verdicts), fewer: fewerOf(sections, kept) };
}

/** Recalled items and what a recall emptied; what went with one of them has no place of its own. */
function tombstonesOf(items: ReadonlyMap<string, Item>, verdicts: ReadonlyMap<string, Verdict>): Set<string> {
  const stones = new Set<string>();
  for (const [id, { decision, how }] of verdicts) {
    if (decision.kind === 'recall' && (how === 'named' || how === 'emptied')) {
      stones.add(id);
    }
  }
  for (const id of [...stones]) {
    items.get(id)?.parts.forEach((partId) => stones.delete(partId));
  }
  return stones;
}

function withoutWithheld(
  section: RenderedSection,
  verdicts: ReadonlyMap<string, Verdict>,
  tombstones: ReadonlySet<string>,
): RenderedSection {
  const content = ResourcesContent.safeParse(section.content).data;
  if (content === undefined) {
    return section;
  }
  const places = content.resources.flatMap((each): Resource[] => {
    if (tombstones.has(each.id)) {
      return [{ resourceType: each.resourceType, id: each.id, meta: { security: [WITHDRAWN] } }];
    }
    return verdicts.has(each.id) ? [] : [withoutReferences(each, verdicts, tombstones)];
  });
  return { ...section, content: { ...content, resources: withoutUnnamed(content.resources, places) } };
}

/** A statement names its visit, and what was done or handed out there; the balance counts it all the same. */
function withoutStatements(
  section: RenderedSection,
  verdicts: ReadonlyMap<string, Verdict>,
  decisions: readonly ReleaseDecision[],
): RenderedSection {
  const billing = BillingContent.safeParse(section.content).data;
  if (billing === undefined) {
    return section;
  }
  const codes = decisions.flatMap(({ code, recordClass, sensitivity }) =>
    code === null || recordClass !== null || sensitivity !== null ? [] : [code],
  );
  const names = ({ id, code }: { id: string; code: string | null }): boolean =>
    verdicts.has(id) || (code !== null && codes.some((wanted) => fitsCode(wanted, code)));
  const statements = billing.statements.filter(({ id, charges }) => !verdicts.has(id) && !charges.some(names));
  return { ...section, content: { ...billing, statements } };
}

function withoutReferences(
  each: Resource,
  verdicts: ReadonlyMap<string, Verdict>,
  tombstones: ReadonlySet<string>,
): Resource {
  const points = idsIn(each).some((id) => verdicts.has(id));
  if (!points) {
    return each;
  }
  const { resourceType, id, ...rest } = each;
  const cut = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      return value.map(cut);
    }
    if (!isRecord(value)) {
      return value;
    }
    const target = idOf(value);
    if (target !== undefined && verdicts.has(target)) {
      return tombstones.has(target) ? { reference: value['reference'], type: value['type'] } : undefined;
    }
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, cut(part)]));
  };
  const facts = cut(rest);
  return resource({ ...(isRecord(facts) ? facts : {}), resourceType, id });
}

/** Without people and places that were named before and are no more; an organization may be named by a place. */
function withoutUnnamed(before: readonly Resource[], places: readonly Resource[]): Resource[] {
  const named = new Set(before.flatMap((each) => idsIn(each)));
  let kept = [...places];
  for (;;) {
    const still = new Set(kept.flatMap((each) => idsIn(each)));
    const next = kept.filter(
      ({ resourceType, id }) => !SUPPORTING.has(resourceType) || !named.has(id) || still.has(id),
    );
    if (next.length === kept.length) {
      return next;
    }
    kept = next;
  }
}

/** Indexes of years agree with the years; a year of which nothing is left is not there. */
function withIndexes(
  before: readonly RenderedSection[],
  after: readonly RenderedSection[],
  items: ReadonlyMap<string, Item>,
): RenderedSection[] {
  const parts = new Set([...items.values()].flatMap((item) => item.parts));
  const entries = (section: RenderedSection): Resource[] =>
    resourcesOf(section.content).filter(({ id, resourceType }) => !SUPPORTING.has(resourceType) && !parts.has(id));
  const were = new Map(before.map((section) => [section.name, entries(section)]));
  const are = new Map(after.map((section) => [section.name, entries(section)]));
  const isEmptied = (name: string): boolean =>
    name.includes('/') && (were.get(name)?.length ?? 0) > 0 && are.get(name)?.length === 0;
  return after
    .filter(({ name }) => !isEmptied(name))
    .map((section) => {
      const index = YearsContent.safeParse(section.content).data;
      if (index === undefined) {
        return section;
      }
      const years = index.years
        .filter((year) => !isEmptied(year.section))
        .map((year) => {
          const left = are.get(year.section) ?? [];
          const gone = (were.get(year.section)?.length ?? 0) - left.length;
          const newest = year.newest === null ? null : newestOf(left);
          return { ...year, count: year.count - gone, newest };
        });
      return { ...section, content: { years } };
    });
}

const Dated = z.looseObject({ effectiveDateTime: z.string() });

/** Of entries in their order, newest first. */
function newestOf(entries: readonly Resource[]): string | null {
  return entries.map((each) => Dated.safeParse(each).data?.effectiveDateTime).find((at) => at !== undefined) ?? null;
}

function entriesOf(items: ReadonlyMap<string, Item>, verdicts: ReadonlyMap<string, Verdict>): WithheldItem[] {
  return [...verdicts]
    .filter(([, { how }]) => how !== 'part')
    .flatMap(([resourceId, { decision }]) => {
      const item = items.get(resourceId);
      return item === undefined
        ? []
        : [
            {
              resourceId,
              resourceType: item.resource.resourceType,
              recordClass: item.recordClass,
              decisionId: decision.id,
            },
          ];
    });
}

function fewerOf(before: readonly RenderedSection[], after: readonly RenderedSection[]): Map<RecordClass, number> {
  const fewer = new Map<RecordClass, number>();
  const add = ({ recordClass, content }: RenderedSection, sign: 1 | -1): void => {
    fewer.set(recordClass, (fewer.get(recordClass) ?? 0) + sign * resourcesOf(content).length);
  };
  before.forEach((section) => {
    add(section, 1);
  });
  after.forEach((section) => {
    add(section, -1);
  });
  return fewer;
}
