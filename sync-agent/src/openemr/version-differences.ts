import { KNOWN_VERSIONS, type KnownVersion } from './known-versions.js';
import { READER_COLUMNS } from './reader-columns.js';
import type { WatchedTableName } from './watched-tables.js';

/** What OpenEMR did not have before a version, of the tables and columns that are read here. */
interface VersionDifference {
  since: KnownVersion;
  /**
   * Whether a database has it shows in this column. It is of a table that the reader account sees whole, so that an
   * upgrade alone makes it appear, and not only new grants.
   */
  mark: { table: WatchedTableName; column: string };
  tables: readonly WatchedTableName[];
  columns: Partial<Record<WatchedTableName, readonly string[]>>;
  /** Where the older version has the same under another name, or cannot tell it from another. */
  formerly: Partial<Record<WatchedTableName, Readonly<Record<string, string>>>>;
}

/**
 * All that is done without on an older OpenEMR, and the only place that says so. Whoever reads takes its tables from
 * `tableSource`, which leaves out of the statement what is lacking and gives NULL for it: a fact that the patient lacks.
 * What is missing beyond this is an error at the start.
 */
export const VERSION_DIFFERENCES: readonly VersionDifference[] = [
  {
    since: '7.0.3',
    mark: { table: 'form_vitals', column: 'last_updated' },
    tables: [],
    columns: { form_vitals: ['last_updated'] },
    formerly: {},
  },
  {
    since: '7.0.4',
    mark: { table: 'issue_encounter', column: 'id' },
    tables: [
      'care_teams',
      'care_team_member',
      'person',
      'contact_telecom',
      'procedure_specimen',
      'form_history_sdoh',
      'contact_relation',
    ],
    columns: {
      patient_data: ['interpreter_needed', 'sex_identified'],
      employer_data: ['occupation', 'industry', 'created_by'],
      prescriptions: ['diagnosis'],
      lists_medication: ['medication_adherence_information_source', 'prescription_id'],
      drug_sales: ['pharmacy_supply_type'],
      immunizations: ['encounter_id'],
      issue_encounter: ['id'],
      form_care_plan: ['plan_status', 'proposed_date'],
      form_observation: ['id', 'form_id', 'parent_observation_id', 'ob_value_code_description'],
    },
    // The lines of an observation form had nothing but the form's id.
    formerly: { form_observation: { id: 'id', form_id: 'id' } },
  },
  // The only difference: no table that is seen whole tells that it is there, so that it is lacking until it is granted.
  {
    since: '8.0.0',
    mark: { table: 'patient_data', column: 'pronoun' },
    tables: [],
    columns: { patient_data: ['pronoun'] },
    formerly: {},
  },
];

/** `table` or `table.column` of what a database lacks, in the words of the newest version. */
export type Lacking = ReadonlySet<string>;
export const NOTHING_LACKING: Lacking = new Set();

/** @param has whether the database has what a difference brought */
export function lackingWhere(has: (difference: VersionDifference) => boolean): Lacking {
  return new Set(VERSION_DIFFERENCES.filter((difference) => !has(difference)).flatMap(namesOf));
}

export function lackingOf(version: KnownVersion): Lacking {
  return lackingWhere(({ since }) => KNOWN_VERSIONS.indexOf(since) <= KNOWN_VERSIONS.indexOf(version));
}

function namesOf({ tables, columns }: VersionDifference): string[] {
  const named = Object.entries(columns).flatMap(([table, list]) => list.map((column) => `${table}.${column}`));
  return [...tables, ...named];
}

/**
 * What a database lacks by all that its account can see: a difference counts as lacking when nothing of it is there. Half
 * of one is an upgrade that has not ended, or grants that are missing, and not lacking but an error.
 * @param visible `table.column` in lower case
 */
export function lackingBy(visible: ReadonlySet<string>): Lacking {
  const tables = new Set([...visible].map((name) => name.split('.', 1)[0] ?? ''));
  return lackingWhere((difference) => {
    const isFormer = (name: string): boolean => {
      const [table = '', column = ''] = name.split('.');
      return formerName(table, column) === column;
    };
    return namesOf(difference)
      .filter((name) => !isFormer(name))
      .some((name) => (name.includes('.') ? visible.has(name.toLowerCase()) : tables.has(name)));
  });
}

function formerName(table: string, column: string): string | undefined {
  for (const { formerly } of VERSION_DIFFERENCES) {
    const name = Object.entries(formerly).find(([named]) => named === table)?.[1][column];
    if (name !== undefined) {
      return name;
    }
  }
  return undefined;
}

/** Columns that stand for the given ones in a database, each once; none of a table that it lacks. */
export function presentColumns(table: string, columns: readonly string[], lacking: Lacking): string[] {
  if (lacking.has(table)) {
    return [];
  }
  const present = columns.map((column) => (lacking.has(`${table}.${column}`) ? formerName(table, column) : column));
  return [...new Set(present.filter((column) => column !== undefined))];
}

/**
 * A table for FROM or JOIN, under its alias. Where something of it is lacking, a derived table in its place, which
 * MariaDB merges into the statement: indexes are used as of the table itself.
 */
export function tableSource(table: WatchedTableName, alias: string, lacking: Lacking): string {
  const isAbsent = lacking.has(table);
  const columns: readonly string[] = READER_COLUMNS[table];
  if (!isAbsent && columns.every((column) => !lacking.has(`${table}.${column}`))) {
    return alias === table ? table : `${table} ${alias}`;
  }
  const list = columns.map((column) => {
    const isLacking = isAbsent || lacking.has(`${table}.${column}`);
    const former = isAbsent ? undefined : formerName(table, column);
    return isLacking ? `${former === undefined ? 'NULL' : `\`${former}\``} AS \`${column}\`` : `\`${column}\``;
  });
  return `(SELECT ${list.join(', ')} FROM ${isAbsent ? 'DUAL WHERE FALSE' : table}) ${alias}`;
}

/**
 * A statement of `grants/inside.sql`, its database still `{{openemr}}`, without what is lacking; null when nothing of it
 * is left.
 */
export function grantWithout(statement: string, lacking: Lacking): string | null {
  const [, columns, table = ''] =
    /^GRANT SELECT(?:\s+\(([^)]*)\))?\s+ON\s+\{\{openemr\}\}\.(\w+)/.exec(statement) ?? [];
  if (lacking.has(table)) {
    return null;
  }
  if (columns === undefined) {
    return statement;
  }
  const present = presentColumns(
    table,
    columns.split(',').map((column) => column.trim()),
    lacking,
  );
  return statement.replace(/\([^)]*\)/, `(${present.join(', ')})`);
}
