import { createHash } from 'node:crypto';
import { RecordClass } from 'sync-contract/classes';
import { contentHash, deriveClassKey, readSection } from 'sync-contract/section';
import type { KeyStore } from 'sync-agent/src/keys/key-store';
import { z } from 'zod';
import { DEFAULT_DATABASES, type Services } from '../services/services.js';

const { ledger: LEDGER, portal: PORTAL } = DEFAULT_DATABASES;

const hex = z.string();
const Charts = z.array(
  z.object({ patientRef: hex, epoch: z.number(), wrapped: z.instanceof(Buffer), manifestHash: hex.nullable() }),
);
const Expected = z.array(
  z.object({ name: z.string(), recordClass: RecordClass, sectionId: hex, contentHash: hex, sha256: hex }),
);
const Held = z.array(
  z.object({
    sectionId: hex,
    era: z.number(),
    seq: z.coerce.number(),
    epoch: z.number(),
    sealed: z.instanceof(Buffer),
  }),
);
const Manifests = z.array(z.object({ manifestHash: hex }));

export interface DmzContent {
  /** over name and content of all sections in the ledger */
  root: string;
  /** content hashes in the ledger by patientRef and name */
  contents: ReadonlyMap<string, string>;
  charts: number;
  sections: number;
  /** of the DMZ's sections, those that open to what the ledger says */
  equal: number;
  /** sections and manifests that are missing, too many, do not open, or open to something else */
  different: number;
}

/** Opens every section of the DMZ with the inside's keys and compares it with the ledger. */
export async function compareDmzContent(
  { dmz, inside }: Services,
  keys: KeyStore,
  siteId: string,
): Promise<DmzContent> {
  const contents = new Map<string, string>();
  const content = { charts: 0, sections: 0, equal: 0, different: 0 };
  const charts = Charts.parse(
    await inside.adminSql(
      `SELECT LOWER(HEX(patient_ref)) AS patientRef, epoch, chart_key_wrapped AS wrapped,
              LOWER(HEX(manifest_hash)) AS manifestHash FROM ??.chart ORDER BY patient_ref`,
      [LEDGER],
    ),
  );
  for (const { patientRef, epoch, wrapped, manifestHash } of charts) {
    const expected = Expected.parse(
      await inside.adminSql(
        `SELECT name, record_class AS recordClass, LOWER(HEX(section_id)) AS sectionId,
                LOWER(HEX(content_hash)) AS contentHash, LOWER(HEX(sha256)) AS sha256
           FROM ??.chart_section WHERE patient_ref = UNHEX(?) ORDER BY name`,
        [LEDGER, patientRef],
      ),
    );
    const rows = Held.parse(
      await dmz.adminSql(
        'SELECT LOWER(HEX(section_id)) AS sectionId, era, seq, epoch, sealed FROM ??.section WHERE patient_ref = UNHEX(?)',
        [PORTAL, patientRef],
      ),
    );
    const held = new Map(rows.map((row) => [row.sectionId, row]));
    const chartKey = keys.unwrapChartKey(patientRef, epoch, wrapped);
    for (const section of expected) {
      contents.set(`${patientRef} ${section.name}`, section.contentHash);
      const row = held.get(section.sectionId);
      held.delete(section.sectionId);
      const isEqual = row !== undefined && opensTo(section, row, { chartKey, site: siteId, patientRef });
      content[isEqual ? 'equal' : 'different'] += 1;
    }
    const [manifest] = Manifests.parse(
      await dmz.adminSql(
        'SELECT LOWER(HEX(manifest_hash)) AS manifestHash FROM ??.chart WHERE patient_ref = UNHEX(?)',
        [PORTAL, patientRef],
      ),
    );
    content.different += held.size + (manifest?.manifestHash === manifestHash ? 0 : 1);
    content.charts += 1;
    content.sections += expected.length;
  }
  return { ...content, root: rootOf(contents), contents };
}

function rootOf(contents: ReadonlyMap<string, string>): string {
  const root = createHash('sha256');
  contents.forEach((hash, section) => root.update(`${section} ${hash}\n`));
  return root.digest('hex');
}

/** Names of sections that two looks at the same charts found otherwise, each with how many charts it concerns. */
export function changedSections(before: DmzContent, after: DmzContent): Record<string, number> {
  const changed: Record<string, number> = {};
  for (const section of new Set([...before.contents.keys(), ...after.contents.keys()])) {
    if (before.contents.get(section) !== after.contents.get(section)) {
      const name = section.slice(section.indexOf(' ') + 1);
      changed[name] = (changed[name] ?? 0) + 1;
    }
  }
  return changed;
}

function opensTo(
  section: z.infer<typeof Expected>[number],
  { sectionId, era, seq, epoch, sealed }: z.infer<typeof Held>[number],
  { chartKey, site, patientRef }: { chartKey: Buffer; site: string; patientRef: string },
): boolean {
  try {
    const header = { site, patientRef, sectionId, version: { era, seq }, epoch };
    const content = readSection(deriveClassKey(chartKey, section.recordClass), header, sealed);
    return (
      contentHash(content) === section.contentHash &&
      createHash('sha256').update(sealed).digest('hex') === section.sha256
    );
  } catch {
    return false;
  }
}
