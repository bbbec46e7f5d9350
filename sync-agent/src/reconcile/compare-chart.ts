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

/** A difference, and the class of records it is in; null: of the chart as a whole, or of a section without a name. */
export interface FoundInChart {
  difference: Difference;
  recordClass: string | null;
}

export interface ChartComparison {
  differences: readonly FoundInChart[];
  /** sections that have to be sent again, so that the DMZ holds the chart; empty when nothing differs */
  owed: readonly LedgerSection[];
}

/** Compares a chart with what the gateway says it holds. Nothing but rows that are exactly right counts as right. */
export function compareChart(chart: LedgerChart, held: ChartHolding | undefined): ChartComparison {
  if (held === undefined) {
    return { differences: [{ difference: 'chart-missing', recordClass: null }], owed: chart.sections };
  }
  const differences: FoundInChart[] = [];
  const { manifest } = held;
  if (manifest === null) {
    differences.push({ difference: 'chart-missing', recordClass: null });
  } else if (
    manifest.era !== chart.era ||
    manifest.seq !== chart.seq ||
    manifest.hash !== chart.manifestHash ||
    manifest.text !== chart.manifestText
  ) {
    differences.push({ difference: 'chart-changed', recordClass: null });
  }
  const rows = new Map(held.sections.map((section) => [section.id, section]));
  const owed = chart.sections.filter((section) => {
    const row = rows.get(section.sectionId);
    rows.delete(section.sectionId);
    if (row !== undefined && isSame(section, row)) {
      return false;
    }
    const { recordClass } = section;
    differences.push({ difference: row === undefined ? 'section-missing' : 'section-changed', recordClass });
    return true;
  });
  differences.push(...[...rows.keys()].map(() => ({ difference: 'section-superfluous' as const, recordClass: null })));
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
