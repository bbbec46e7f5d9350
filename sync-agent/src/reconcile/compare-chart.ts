import type { ChartHolding, SectionHolding } from 'sync-contract/gateway-wire';
import type { Difference } from './difference.js';

/** A section as the ledger has it acknowledged. */
export interface LedgerSection {
  name: string;
  recordClass: string;
  sectionId: string;
  era: number;
  seq: number;
  epoch: number;
  size: number;
  sha256: string;
}

/** A chart as the ledger has it acknowledged. */
export interface LedgerChart {
  era: number;
  seq: number;
  manifestHash: string;
  /** SHA-256 of the JSON of the signed manifest, as the gateway stores it */
  manifestText: string;
  sections: readonly LedgerSection[];
}

export interface ChartComparison {
  differences: readonly Difference[];
  /** sections that have to be sent again, so that the DMZ holds the chart; empty when nothing differs */
  owed: readonly LedgerSection[];
}

/** Compares a chart with what the gateway says it holds. Nothing but rows that are exactly right counts as right. */
export function compareChart(chart: LedgerChart, held: ChartHolding | undefined): ChartComparison {
  if (held === undefined) {
    return { differences: ['chart-missing'], owed: chart.sections };
  }
  const differences: Difference[] = [];
  const { manifest } = held;
  if (manifest === null) {
    differences.push('chart-missing');
  } else if (
    manifest.era !== chart.era ||
    manifest.seq !== chart.seq ||
    manifest.hash !== chart.manifestHash ||
    manifest.text !== chart.manifestText
  ) {
    differences.push('chart-changed');
  }
  const rows = new Map(held.sections.map((section) => [section.id, section]));
  const owed = chart.sections.filter((section) => {
    const row = rows.get(section.sectionId);
    rows.delete(section.sectionId);
    if (row !== undefined && isSame(section, row)) {
      return false;
    }
    differences.push(row === undefined ? 'section-missing' : 'section-changed');
    return true;
  });
  differences.push(...[...rows.keys()].map(() => 'section-superfluous' as const));
  // Any push replaces the chart's row and removes what its manifest does not name; the smallest section will do.
  const [smallest] = [...chart.sections].sort((a, b) => a.size - b.size);
  return {
    differences,
    owed: differences.length > 0 && owed.length === 0 && smallest !== undefined ? [smallest] : owed,
  };
}

function isSame(section: LedgerSection, row: SectionHolding): boolean {
  return (
    row.named &&
    row.sha256 === section.sha256 &&
    row.size === section.size &&
    row.era === section.era &&
    row.seq === section.seq &&
    row.epoch === section.epoch
  );
}
