import { IANAZone } from 'luxon';
import type { Connection } from 'mysql2/promise';
import { findMissingIndexes, indexSql, type AskedIndex } from '../openemr/asked-indexes.js';
import { FOLLOWED_TABLES, findOtherEngines, minutesAhead, readSettings } from '../openemr/look-around.js';
import { findMissingColumns } from '../openemr/versions.js';
import { failureCode } from '../failure-code.js';
import { finding, type Finding, type Outcome } from './finding.js';

/** Clocks and slow requests may differ by this much, minutes. */
const TOLERANCE = 5;
const SETTINGS = ['gbl_time_zone', 'portal_onsite_two_enable', 'oauth_password_grant'] as const;

/**
 * What the agent needs of OpenEMR itself, seen with the reader's eyes.
 * @param seesAll the reader has its rights; without them a column that is hidden looks like one that is missing
 */
export async function checkOpenEmr(reader: Connection, database: string, seesAll: boolean): Promise<Outcome> {
  try {
    await reader.query('USE ??', [database]);
  } catch (failure: unknown) {
    const missing = finding(
      'openemr-database-missing',
      `the reader finds no database ${database} (${failureCode(failure)})`,
      "set OPENEMR_DB_NAME to OpenEMR's database and give the reader its grants",
    );
    return { findings: [missing], notChecked: ["OpenEMR's tables and settings, because its database is not found"] };
  }
  const settings = await readSettings(reader, SETTINGS);
  const timeZone = settings.get('gbl_time_zone') ?? '';
  return {
    findings: [
      ...(seesAll ? checkColumns(await findMissingColumns(reader)) : []),
      ...checkEngines(
        (await findOtherEngines(reader, database)).filter((name) => FOLLOWED_TABLES.has(name.toLowerCase())),
      ),
      ...checkIndexes(await findMissingIndexes(reader)),
      ...checkSettings(settings),
      ...(IANAZone.isValidZone(timeZone) ? checkTimes(await minutesAhead(reader, timeZone)) : []),
    ],
    ...(seesAll ? {} : { notChecked: ['whether OpenEMR has all columns, because the reader lacks rights'] }),
  };
}

/** @param columns `table.column` */
export function checkColumns(columns: readonly string[]): Finding[] {
  return columns.length === 0
    ? []
    : [
        finding(
          'openemr-column-missing',
          `OpenEMR's database lacks, or hides from the reader, ${columns.join(', ')}`,
          'use OpenEMR 7.0.2 or later, finish its upgrade, and give the reader the grants of its version',
        ),
      ];
}

/** @param tables names of those with another engine */
export function checkEngines(tables: readonly string[]): Finding[] {
  return tables.length === 0
    ? []
    : [
        finding(
          'table-not-innodb',
          `${tables.join(', ')} ${tables.length === 1 ? 'is' : 'are'} not kept by InnoDB`,
          'convert with ALTER TABLE … ENGINE=InnoDB while OpenEMR is not in use',
        ),
      ];
}

function checkIndexes(missing: readonly AskedIndex[]): Finding[] {
  const tables = missing.map(({ table }) => table);
  return tables.length === 0
    ? []
    : [
        finding(
          'openemr-index-missing',
          `OpenEMR has no index by patient in ${tables.join(', ')}, so changes of one chart read all rows of everybody there`,
          `let the administrator of OpenEMR's database run, at a quiet hour: ${missing.map(indexSql).join('; ')}`,
        ),
      ];
}

function checkSettings(settings: ReadonlyMap<string, string>): Finding[] {
  const found: Finding[] = [];
  const timeZone = settings.get('gbl_time_zone') ?? '';
  if (!IANAZone.isValidZone(timeZone)) {
    found.push(
      finding(
        'clinic-time-zone-unknown',
        "OpenEMR's global setting gbl_time_zone names no time zone",
        'set it in OpenEMR under Administration, Config, Locale, Time Zone',
      ),
    );
  }
  if (settings.get('portal_onsite_two_enable') !== '1') {
    found.push(
      finding(
        'portal-mail-off',
        'staff see no portal mail, because the global setting portal_onsite_two_enable of OpenEMR is off',
        'switch it on in OpenEMR under Administration, Config, Portal; OpenEMR itself stays inside',
      ),
    );
  }
  if (!['0', ''].includes(settings.get('oauth_password_grant') ?? '')) {
    found.push(
      finding(
        'password-grant-on',
        'OpenEMR hands out tokens for a name and a password (oauth_password_grant)',
        'switch it off in OpenEMR under Administration, Config, Connectors',
      ),
    );
  }
  return found;
}

function checkTimes(minutes: number): Finding[] {
  return minutes <= TOLERANCE
    ? []
    : [
        finding(
          'clinic-times-ahead',
          `OpenEMR holds mail or prescriptions ${String(Math.round(minutes))} minutes ahead of the clock in its own time zone`,
          "set gbl_time_zone to the clinic's zone, and let OpenEMR's web server and interfaces follow it",
        ),
      ];
}
