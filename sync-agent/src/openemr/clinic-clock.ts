import { DateTime, IANAZone } from 'luxon';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { ClinicTimeZoneUnknown } from './snapshot.js';
import type { OpenEmrTables } from './writer-tables.js';

const ClockRows = z.array(z.object({ zone: z.string().nullable(), utc: z.string() })).length(1);

/**
 * The clinic's wall clock now, `yyyy-MM-dd HH:mm:ss`, as OpenEMR writes it into DATETIME columns: the database's clock
 * in the zone of OpenEMR's `gbl_time_zone`. Works without MariaDB's zone tables and leaves the session's zone alone.
 * @throws ClinicTimeZoneUnknown
 */
export async function clinicNow(manager: EntityManager, tables: OpenEmrTables): Promise<string> {
  const rows: unknown = await manager.query(
    `SELECT (SELECT gl_value FROM ${tables.globals} WHERE gl_name = 'gbl_time_zone' AND gl_index = 0) AS zone,
            CAST(UTC_TIMESTAMP() AS CHAR) AS utc`,
  );
  const [clock] = ClockRows.parse(rows);
  const zone = (clock?.zone ?? '').trim();
  if (clock === undefined || zone === '' || !IANAZone.isValidZone(zone)) {
    throw new ClinicTimeZoneUnknown();
  }
  return DateTime.fromSQL(clock.utc, { zone: 'utc' }).setZone(zone).toFormat('yyyy-MM-dd HH:mm:ss');
}
