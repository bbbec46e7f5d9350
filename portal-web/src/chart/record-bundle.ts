import { withinRange, type DayRange } from './clinical-span.js';
import { isObject, isWithdrawnSign, string } from './fhir.js';
import { resourcesIn, skippedIn, type GatheredChart } from './gathered-chart.js';
import { practiceOrganization, provenanceOf } from './provenance.js';

export interface BundleFrame {
  /** `https://portal.example/fhir`: what `Type/id` in the resources is relative to; nothing answers there */
  base: string;
  range: DayRange;
  /** the clinic's calendar day of an instant */
  isoDay: (instant: string) => string | null;
  /** milliseconds */
  now: number;
  /** random id of the entry with the notices */
  noticeId: string;
  /** sentences that a reader of the file has to know: its age, what is left out */
  notices: readonly string[];
  /** sentence on an entry that the clinic has withdrawn for correction */
  withdrawnNotice: (reference: string) => string;
  /** sentence on how many entries are not in it: the inside could not put them in, or nothing can name them */
  skippedNotice: (entries: number) => string;
}

/**
 * The chart as a FHIR R4 Bundle. Resources stand in it as the inside signed them, each once; references between them
 * resolve by the Bundle's own rule, because every `fullUrl` is the base with type and id. Behind them stands for each entry
 * who wrote it down, for whom and when, as a resource of its own. Signs of withdrawn entries lack
 * what their types require, so they are named in the OperationOutcome at the end, together with the notices.
 */
export function recordBundle(chart: GatheredChart, frame: BundleFrame): fhir4.Bundle<fhir4.FhirResource> {
  const contents = [...chart.sections.values()];
  const all = contents.flatMap(resourcesIn);
  const withdrawn = [...new Set(all.filter(isWithdrawnSign).flatMap((sign) => referenceTo(sign) ?? []))];
  const kept = withinRange(
    all.filter((resource) => !isWithdrawnSign(resource)),
    frame.range,
    frame.isoDay,
  );
  const nameless = [...kept, ...all.filter(isWithdrawnSign)].filter((each) => referenceTo(each) === undefined);
  const skipped = contents.map(skippedIn).reduce((sum, entries) => sum + entries, nameless.length);
  const notices = [
    ...frame.notices,
    ...withdrawn.map(frame.withdrawnNotice),
    ...(skipped === 0 ? [] : [frame.skippedNotice(skipped)]),
  ];
  const held = [...eachOnce(kept).values()];
  const practice = practiceOrganization(resourcesIn(chart.sections.get('practice')));
  const provenance = held.flatMap((resource) => (isObject(resource) ? (provenanceOf(resource, practice) ?? []) : []));
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp: new Date(frame.now).toISOString(),
    entry: [
      ...[...held, ...provenance].map((resource) => ({
        fullUrl: `${frame.base}/${resource.resourceType}/${resource.id ?? ''}`,
        resource,
      })),
      ...(notices.length === 0 ? [] : [noticesEntry(notices, frame.noticeId)]),
    ],
  };
}

/** By `Type/id`. People and places stand in several sections; where they differ, the one that says most is kept. */
function eachOnce(resources: readonly unknown[]): Map<string, fhir4.FhirResource> {
  const found = new Map<string, unknown>();
  for (const resource of resources) {
    const reference = referenceTo(resource);
    if (reference === undefined) {
      continue;
    }
    const known = found.get(reference);
    if (known === undefined || JSON.stringify(resource).length > JSON.stringify(known).length) {
      found.set(reference, resource);
    }
  }
  // Shapes inside are the inside's promise; this file checks what it builds upon, type and id.
  return found as Map<string, fhir4.FhirResource>;
}

function referenceTo(resource: unknown): string | undefined {
  const type = string(resource, 'resourceType');
  const id = string(resource, 'id');
  return isObject(resource) && type !== undefined && id !== undefined ? `${type}/${id}` : undefined;
}

function noticesEntry(notices: readonly string[], id: string): fhir4.BundleEntry<fhir4.FhirResource> {
  const issue = notices.map((words): fhir4.OperationOutcomeIssue => ({
    severity: 'information',
    code: 'informational',
    details: { text: words },
  }));
  return { fullUrl: `urn:uuid:${id}`, resource: { resourceType: 'OperationOutcome', id, issue } };
}

/** File name without anything of the person; days only when they were chosen. */
export function fileName(form: 'fhir-bundle' | 'pdf', today: string, { from, to }: DayRange): string {
  const days = `${from === null ? '' : `-from-${from}`}${to === null ? '' : `-to-${to}`}`;
  return `health-record-${today}${days}.${form === 'pdf' ? 'pdf' : 'fhir.json'}`;
}
