import type { z } from 'zod';
import { Text } from './column-types.js';
import { IssueRow, issueSources, readIssues } from './read-issues.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import type { SourceRow } from './source-row.js';

export const DeviceRow = IssueRow.extend({ udi: Text, udi_data: Text });
export type DeviceRow = z.infer<typeof DeviceRow>;

export interface DeviceRows {
  devices: DeviceRow[];
}

/** One query: what was implanted. */
export async function readDevices(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: DeviceRows; sources: SourceRow[] }> {
  const devices = await readIssues(snapshot, 'implanted devices', DeviceRow, pid, ['medical_device']);
  for (const device of devices) {
    wanted.username(device.user);
  }
  return { rows: { devices }, sources: issueSources(devices) };
}
