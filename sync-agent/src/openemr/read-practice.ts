import { z } from 'zod';
import { Text, Whole } from './column-types.js';
import { FacilityRow, UserRow } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** Somebody with a sign-in of their own. */
export const StaffRow = UserRow.extend({
  active: Whole,
  authorized: Whole,
  portal_user: Whole,
  specialty: Text,
});
export type StaffRow = z.infer<typeof StaffRow>;

export const SiteRow = FacilityRow.extend({ inactive: Whole, service_location: Whole, primary_business_entity: Whole });
export type SiteRow = z.infer<typeof SiteRow>;

/** A setting of OpenEMR that opens or closes something to patients. */
export const SwitchRow = z.object({ gl_value: Text });
export type SwitchRow = z.infer<typeof SwitchRow>;

export interface PracticeRows {
  sites: SiteRow[];
  staff: StaffRow[];
  /** staff see portal mail at all */
  mail: SwitchRow[];
}

/** Shows staff the patients' messages when it is `1`. */
const MAIL_SWITCH = 'portal_onsite_two_enable';

/**
 * Three queries, the same for every chart. Who is away and what is closed is read as well, and shown by nobody, because
 * the change feed must know whom their coming back concerns.
 */
export async function readPractice(snapshot: Snapshot): Promise<{ rows: PracticeRows; sources: SourceRow[] }> {
  const sites = await snapshot.select(
    'sites of the practice',
    SiteRow,
    `SELECT ${Object.keys(SiteRow.shape).join(', ')} FROM facility ORDER BY id`,
  );
  const staff = await snapshot.select(
    'staff',
    StaffRow,
    `SELECT ${Object.keys(StaffRow.shape).join(', ')} FROM users WHERE COALESCE(username, '') <> '' ORDER BY id`,
  );
  const mail = await snapshot.select(
    'whether staff see portal mail',
    SwitchRow,
    'SELECT gl_value FROM globals WHERE gl_name = ? AND gl_index = 0',
    [MAIL_SWITCH],
  );
  return {
    rows: { sites, staff, mail },
    sources: [
      ...sites.map((row) => sourceRow('facility', row)),
      ...staff.map((row) => sourceRow('users', row)),
      sourceRow('globals', { gl_name: MAIL_SWITCH, gl_index: 0 }),
    ],
  };
}
