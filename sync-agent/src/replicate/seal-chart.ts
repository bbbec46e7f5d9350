import { createHash } from 'node:crypto';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { RecordClass } from 'sync-contract/classes';
import type { Version } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import type { Manifest } from 'sync-contract/manifest';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { pad } from 'sync-contract/padding';
import { z } from 'zod';
import { deriveClassKey, fitsSection, hashOfContent, sealContent, sectionId } from 'sync-contract/section';
import { drillFault } from '../drill-fault.js';
import type { AckedSection, ChartToRender } from './chart-row.js';

/** A rendered section on its way. */
export interface NewSection {
  name: string;
  recordClass: RecordClass;
  content: unknown;
  /** canonical JSON of the content, made once: it is hashed, measured and sealed */
  canonical: Buffer;
  contentHash: string;
  sectionId: string;
  /** what a person would count in it, and what is withheld of its class */
  entries: number;
}

export interface SealedSection extends AckedSection {
  sealed: Buffer;
}

/** Bytes of sections in one batch, so that their base64 and the manifest stay under the limit of a request. */
const BATCH_BYTES = Math.floor(LIMITS.gatewayRequestBytes * 0.6);

/**
 * Names and hashes what was rendered. What is withheld counts with its class's first section: it has not vanished.
 * @param withheld number of resources by class
 */
export function nameSections(
  chartKey: Uint8Array,
  rendered: readonly { name: string; recordClass: RecordClass; content: unknown }[],
  withheld: ReadonlyMap<RecordClass, number> = new Map<RecordClass, number>(),
): NewSection[] {
  const keys = new Map<RecordClass, Buffer>();
  return rendered.map(({ name, recordClass, content }) => {
    const classKey = keys.get(recordClass) ?? deriveClassKey(chartKey, recordClass);
    keys.set(recordClass, classKey);
    const canonical = canonicalBytes(content);
    return {
      name,
      recordClass,
      content,
      canonical,
      contentHash: hashOfContent(canonical),
      sectionId: sectionId(classKey, name),
      entries: countEntries(content) + (name === recordClass ? (withheld.get(recordClass) ?? 0) : 0),
    };
  });
}

const Listed = z.union([
  z.looseObject({ resources: z.array(z.unknown()) }).transform(({ resources }) => resources.length),
  z.looseObject({ messages: z.array(z.unknown()) }).transform(({ messages }) => messages.length),
]);

/** An index repeats what its years and threads hold, and counts as nothing. */
function countEntries(content: unknown): number {
  return Listed.safeParse(content).data ?? 0;
}

/** A class of a chart has more in one section than may be sealed. It goes out again when there is less of it. */
export class SectionTooLarge extends Error {
  readonly code = 'section-too-large';
  readonly logLevel = 'error';
  constructor(recordClass: RecordClass) {
    super(
      `a section of the class ${recordClass} is larger than ${String(LIMITS.sectionBytes)} bytes when sealed; the class does not go out`,
    );
  }
}

/** Classes with a section that cannot be sealed, each with its failure. */
export function tooLarge(sections: readonly NewSection[]): Map<RecordClass, SectionTooLarge> {
  return new Map(
    sections
      .filter(({ canonical }) => !fitsSection(canonical))
      .map(({ recordClass }) => [recordClass, new SectionTooLarge(recordClass)]),
  );
}

/** @throws RangeError for a section larger than the limit */
export function sealAs(
  chart: ChartToRender,
  siteId: string,
  chartKey: Uint8Array,
  version: Version,
  section: NewSection,
): SealedSection {
  const sealed = drillFault('sealing-off')
    ? pad(section.canonical)
    : sealContent(
        deriveClassKey(chartKey, section.recordClass),
        { site: siteId, patientRef: chart.patientRef, sectionId: section.sectionId, version, epoch: chart.epoch },
        section.canonical,
      );
  return {
    name: section.name,
    recordClass: section.recordClass,
    sectionId: section.sectionId,
    era: version.era,
    seq: version.seq,
    epoch: chart.epoch,
    contentHash: section.contentHash,
    sha256: createHash('sha256').update(sealed).digest('hex'),
    size: sealed.length,
    asOf: chart.readAt,
    entries: section.entries,
    sealed,
  };
}

export function manifestOf(
  chart: ChartToRender,
  siteId: string,
  version: Version,
  sections: readonly AckedSection[],
): Manifest {
  return {
    v: PROTOCOL_VERSION,
    site: siteId,
    patientRef: chart.patientRef,
    era: version.era,
    seq: version.seq,
    asOf: chart.readAt,
    sections: sections
      .map(({ sectionId: id, era, seq, epoch, size, sha256, asOf }) => ({
        id,
        version: { era, seq },
        epoch,
        size,
        sha256,
        asOf,
      }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/**
 * Changed sections in batches that each fit into one request. What is named by another section comes before it: years
 * before the list of years, threads before the list of threads.
 */
export function inBatches(sections: readonly NewSection[], limit: number = BATCH_BYTES): NewSection[][] {
  const order = [...sections].sort((a, b) => Number(b.name.includes('/')) - Number(a.name.includes('/')));
  const batches: NewSection[][] = [];
  let bytes = limit;
  for (const section of order) {
    // What compression will make of it is not known yet; text never grows, and padding is small.
    const size = section.canonical.length + LIMITS.paddingStep;
    if (bytes + size > limit) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(section);
    bytes += size;
  }
  return batches;
}
