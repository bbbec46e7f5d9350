import type { Pool } from 'mysql2/promise';
import { DateTime } from 'luxon';
import type { RecordClass } from 'sync-contract/classes';
import type { Resource } from 'sync-contract/section-content';
import { z } from 'zod';
import { itemsOf } from '../chart/kept-out.js';
import { decisionsOnItems, type DecisionInForce } from '../chart/patient-wish.js';
import { renderChart } from '../chart/render-chart.js';
import { ResourceIds } from '../chart/resource-id.js';
import { withhold } from '../chart/withhold.js';
import type { KeyStore } from '../keys/key-store.js';
import { RELEASED_CLASSES } from '../ledger/dirty.js';
import { readChart } from '../openemr/read-chart.js';
import { openSnapshot } from '../openemr/snapshot.js';

/** An entry of a chart as OpenEMR has it now, with what a person needs to know which one it is. */
export interface ChartItem {
  id: string;
  recordClass: RecordClass;
  resourceType: string;
  name: string;
  /** FHIR date or dateTime; null where the entry has none */
  date: string | null;
  /** decision that keeps it from the portal; null when none does */
  decisionId: number | null;
}

/**
 * Every entry that a decision can mean, read from OpenEMR and rendered as for the portal, with what the decisions do to it.
 * Parts of an entry, like the values of a report, follow it. @throws PatientRowMissing, OpenEmrReadFailed
 */
export async function readItems(
  reader: Pool,
  keys: KeyStore,
  pid: number,
  decisions: readonly DecisionInForce[],
): Promise<ChartItem[]> {
  await using snapshot = await openSnapshot(reader);
  const rows = await readChart(snapshot, pid, RELEASED_CLASSES);
  for (const failure of rows.failures.values()) {
    throw failure;
  }
  const sections = renderChart(rows, {
    siteId: keys.siteId,
    resourceIdKey: keys.resourceIdKey,
    timeZone: rows.timeZone,
    threadOf: () => {
      throw new TypeError('no messages were read');
    },
  }).filter(({ recordClass }) => RELEASED_CLASSES.includes(recordClass));
  const onItems = decisionsOnItems(decisions, rows.results, new ResourceIds(keys.resourceIdKey));
  const kept = new Map(withhold(sections, onItems).withheld.map((item) => [item.resourceId, item.decisionId]));
  return [...itemsOf(sections).values()].map(({ resource, recordClass }) => ({
    id: resource.id,
    recordClass,
    resourceType: resource.resourceType,
    name: nameOf(resource),
    date: dateOf(resource),
    decisionId: kept.get(resource.id) ?? null,
  }));
}

const Words = z.looseObject({
  text: z.string().optional(),
  coding: z.array(z.looseObject({ display: z.string().optional(), code: z.string().optional() })).optional(),
});
const NAMED_BY = ['code', 'vaccineCode', 'medicationCodeableConcept', 'type', 'serviceType', 'class'] as const;
const Titled = z.looseObject({ content: z.array(z.looseObject({ attachment: z.looseObject({ title: z.string() }) })) });
const Described = z.looseObject({ description: z.string() });

function nameOf(resource: Resource): string {
  const title = Titled.safeParse(resource).data?.content[0]?.attachment.title;
  const words = NAMED_BY.flatMap((key) => resource[key] ?? []).map((concept) => {
    const { text, coding } = Words.safeParse(concept).data ?? {};
    return text ?? coding?.[0]?.display ?? coding?.[0]?.code;
  });
  return title ?? words.find((word) => word !== undefined) ?? Described.safeParse(resource).data?.description ?? '';
}

const DATED_BY = [
  ...['effectiveDateTime', 'performedDateTime', 'occurrenceDateTime', 'authoredOn', 'whenHandedOver', 'onsetDateTime'],
  ...['recordedDate', 'recordedOn', 'start', 'date', 'startDate'],
];
const Period = z.looseObject({ start: z.string() });

function dateOf(resource: Resource): string | null {
  const given = [
    ...DATED_BY.map((key) => resource[key]),
    ...['period', 'performedPeriod'].map((key) => Period.safeParse(resource[key]).data?.start),
  ];
  return (
    z.string().safeParse(given.find((each) => typeof each === 'string' && DateTime.fromISO(each).isValid)).data ?? null
  );
}
