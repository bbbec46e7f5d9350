import type { Connection, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';

/** Versions of OpenEMR, the oldest first. What the older ones lack stands in `version-differences.ts`. */
export const KNOWN_VERSIONS = ['7.0.2', '7.0.3', '7.0.4', '8.0.0', '8.1.0', '8.1.1', '8.2.0'] as const;
export type KnownVersion = (typeof KNOWN_VERSIONS)[number];

/** No grants can be written for this version: they would name tables it does not have, or miss what it renamed. */
export class VersionUnknown extends Error {
  readonly code = 'openemr-version-unknown';
  constructor(version: string) {
    super(
      `no grants are known for OpenEMR ${version}: the known versions are ${KNOWN_VERSIONS.join(', ')}; ` +
        'update OpenEMR to one of them, or update this program',
    );
  }
}

/** @param text as OpenEMR or a person writes it: `8.2.0`, `8.2.0-dev`, `v8.2.0`. @throws VersionUnknown */
export function knownVersion(text: string): KnownVersion {
  const number = /^v?(\d+\.\d+\.\d+)(?:[-. (].*)?$/.exec(text.trim())?.[1];
  const known = KNOWN_VERSIONS.find((version) => version === number);
  if (known === undefined) {
    throw new VersionUnknown(text.replace(/[^\w.() -]/g, '?').slice(0, 40));
  }
  return known;
}

const VersionRows = z.tuple([z.object({ v_major: z.number(), v_minor: z.number(), v_patch: z.number() })]);

/** What the database says is installed. OpenEMR's API does not tell. @throws VersionUnknown */
export async function readInstalledVersion(connection: Connection): Promise<KnownVersion> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT v_major, v_minor, v_patch FROM version');
  const parsed = VersionRows.safeParse(rows);
  if (!parsed.success) {
    throw new VersionUnknown('without a row in its table "version"');
  }
  const [{ v_major, v_minor, v_patch }] = parsed.data;
  return knownVersion(`${String(v_major)}.${String(v_minor)}.${String(v_patch)}`);
}
