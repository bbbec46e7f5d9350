import { createHash, type Hash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { RECORD_CLASSES, RecordClass } from 'sync-contract/classes';
import type { ChartHolding } from 'sync-contract/gateway-wire';
import { Digest, Instant } from 'sync-contract/identifiers';
import type { LedgerSection } from './compare-chart.js';

/**
 * Sections of one class in all charts. `root` is SHA-256 over one line for each, `patientRef sectionId era seq epoch size
 * sha256`, in the order of the references and then of the ids.
 */
const Figures = z.strictObject({ sections: z.int().min(0), root: Digest });
type Figures = z.infer<typeof Figures>;

export const ClassFigures = z.strictObject({ recordClass: RecordClass, ...Figures.shape });
export type ClassFigures = z.infer<typeof ClassFigures>;

/** What one comparison with the DMZ saw at the same moment on both sides. */
export const Compared = z.strictObject({
  at: Instant,
  charts: z.int().min(0),
  /** charts that were on their way or waited for a person; on neither side */
  passedOver: z.int().min(0),
  /** sections that the DMZ holds and that have no place inside, so no class */
  unplaced: z.int().min(0),
  classes: z.array(z.strictObject({ recordClass: RecordClass, inside: Figures, dmz: Figures })),
  /** false when the gateway could not be asked for documents' bytes; absent otherwise */
  documentsCompared: z.literal(false).optional(),
});
export type Compared = z.infer<typeof Compared>;

/** A row of a section, wherever it lies. */
type SectionRow = Pick<LedgerSection, 'era' | 'seq' | 'epoch' | 'size' | 'sha256'> & { id: string };

const CHARTS_AT_ONCE = 200;
const EMPTY_ROOT = createHash('sha256').digest('hex');
const Refs = z.array(z.object({ patientRef: z.string() }));
const Sections = z.array(
  z.object({
    patientRef: z.string(),
    recordClass: z.string(),
    id: z.string(),
    era: z.number(),
    seq: z.coerce.number(),
    epoch: z.number(),
    size: z.number(),
    sha256: z.string(),
  }),
);

/** Counts and hashes while charts pass, in the order of their references. */
class ClassRoots {
  private readonly classes = new Map<string, { sections: number; hash: Hash }>();

  add(patientRef: string, rows: readonly { recordClass: string; row: SectionRow; mark?: string }[]): void {
    for (const { recordClass, row, mark = '' } of [...rows].sort((a, b) => (a.row.id < b.row.id ? -1 : 1))) {
      const ofClass = this.classes.get(recordClass) ?? { sections: 0, hash: createHash('sha256') };
      this.classes.set(recordClass, ofClass);
      ofClass.sections += 1;
      ofClass.hash.update(
        `${patientRef} ${row.id} ${String(row.era)} ${String(row.seq)} ${String(row.epoch)} ${String(row.size)} ${row.sha256}${mark}\n`,
      );
    }
  }

  figures(recordClass: string): Figures {
    const ofClass = this.classes.get(recordClass);
    return ofClass === undefined
      ? { sections: 0, root: EMPTY_ROOT }
      : { sections: ofClass.sections, root: ofClass.hash.copy().digest('hex') };
  }
}

/** Both sides of a comparison with the DMZ, which knows no class: the ledger says which one an id belongs to. */
export class ComparedClasses {
  private readonly inside = new ClassRoots();
  private readonly dmz = new ClassRoots();
  private unplaced = 0;

  add(patientRef: string, sections: readonly LedgerSection[], held: ChartHolding | undefined): void {
    const classes = new Map(sections.map(({ sectionId, recordClass }) => [sectionId, recordClass]));
    this.inside.add(
      patientRef,
      sections.map(({ sectionId, recordClass, ...row }) => ({ recordClass, row: { ...row, id: sectionId } })),
    );
    this.dmz.add(
      patientRef,
      (held?.sections ?? []).flatMap(({ named, ...row }) => {
        const recordClass = classes.get(row.id);
        return recordClass === undefined ? [] : [{ recordClass, row, mark: named ? '' : ' misnamed' }];
      }),
    );
    this.addUnplaced(held?.sections.filter(({ id }) => !classes.has(id)).length ?? 0);
  }

  addUnplaced(sections: number): void {
    this.unplaced += sections;
  }

  at(
    now: Date,
    { charts, skipped, documentsCompared }: { charts: number; skipped: number; documentsCompared: boolean },
  ): Compared {
    const classes = RECORD_CLASSES.map((recordClass) => ({
      recordClass,
      inside: this.inside.figures(recordClass),
      dmz: this.dmz.figures(recordClass),
    })).filter(({ inside, dmz }) => inside.sections + dmz.sections > 0);
    const counts = { at: now.toISOString(), charts, passedOver: skipped, unplaced: this.unplaced, classes };
    return documentsCompared ? counts : { ...counts, documentsCompared };
  }
}

/** Of all sections that were acknowledged, as the ledger has them now. */
export async function readClassFigures(manager: EntityManager): Promise<ClassFigures[]> {
  const roots = new ClassRoots();
  for (let after = '', more = true; more;) {
    const charts: unknown = await manager.query(
      'SELECT LOWER(HEX(patient_ref)) AS patientRef FROM chart WHERE patient_ref > UNHEX(?) ORDER BY patient_ref LIMIT ?',
      [after, CHARTS_AT_ONCE],
    );
    const refs = Refs.parse(charts).map(({ patientRef }) => patientRef);
    const last = refs.at(-1) ?? after;
    const rows: unknown = await manager.query(
      `SELECT LOWER(HEX(patient_ref)) AS patientRef, record_class AS recordClass, LOWER(HEX(section_id)) AS id, era, seq,
              epoch, size, LOWER(HEX(sha256)) AS sha256
         FROM chart_section WHERE patient_ref > UNHEX(?) AND patient_ref <= UNHEX(?)`,
      [after, last],
    );
    const byChart = Map.groupBy(Sections.parse(rows), ({ patientRef }) => patientRef);
    for (const ref of refs) {
      const sections = byChart.get(ref) ?? [];
      roots.add(
        ref,
        sections.map(({ recordClass, ...row }) => ({ recordClass, row })),
      );
    }
    more = refs.length === CHARTS_AT_ONCE;
    after = last;
  }
  return RECORD_CLASSES.map((recordClass) => ({ recordClass, ...roots.figures(recordClass) })).filter(
    ({ sections }) => sections > 0,
  );
}
