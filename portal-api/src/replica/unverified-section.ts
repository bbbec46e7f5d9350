import type { DataSource } from 'typeorm';
import { openSection } from 'sync-contract/section';
import { hexBytes } from '../database/hex-column.js';
import type { ChartAccess } from '../sessions/session.js';
import type { OpenedSection } from './chart-reader.js';
import { SectionNotFound } from './chart.problems.js';

interface StoredSection {
  id: string;
  era: number;
  seq: number;
  epoch: number;
  sealed: Buffer;
}

/**
 * The control of the drill that tampers with the replica: whatever opens under the chart's key is served, without
 * manifest, heartbeat and hash. Reached only where `PortalConfig.verificationOff` says so.
 * @throws SectionNotFound
 */
export async function openUnverified(
  dataSource: DataSource,
  site: string,
  { patientRef }: ChartAccess,
  keys: ReadonlyMap<string, Buffer>,
): Promise<OpenedSection> {
  const [row] = await dataSource.query<StoredSection[]>(
    `SELECT LOWER(HEX(section_id)) AS id, era, seq, epoch, sealed FROM section
      WHERE patient_ref = ? AND section_id IN (?) LIMIT 1`,
    [hexBytes(patientRef), [...keys.keys()].map(hexBytes)],
  );
  const key = row === undefined ? undefined : keys.get(row.id);
  if (row === undefined || key === undefined) {
    throw new SectionNotFound();
  }
  const { id, era, seq, epoch, sealed } = row;
  const version = { era, seq };
  return {
    sectionId: id,
    compressed: openSection(key, { site, patientRef, sectionId: id, version, epoch }, sealed),
    asOf: new Date().toISOString(),
    version,
  };
}
