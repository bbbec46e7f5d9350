import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { readOpenEmrTables, type OpenEmrTable } from './schema.js';
import { readSimJson } from './sim-data.js';

/** What one of OpenEMR's own upgrades changed in the recorded tables. */
const UpgradeStep = z.object({
  from: z.string(),
  to: z.string(),
  /** `table.column` */
  columnsAdded: z.array(z.string()),
  tablesAdded: z.array(z.string()),
  altered: z.array(z.object({ table: z.string(), what: z.string() })),
});
export type UpgradeStep = z.infer<typeof UpgradeStep>;

/** From the oldest version to that of the recorded tables. */
export function readUpgradeSteps(): UpgradeStep[] {
  return z.object({ steps: z.array(UpgradeStep) }).parse(readSimJson('versions.json')).steps;
}

/**
 * Takes back one upgrade in a database of the version that it led to: tables and columns that it added go with all that is
 * in them, columns that it renamed get their old name, and a key that it replaced is the key again.
 */
export async function undoUpgrade(connection: Connection, step: UpgradeStep): Promise<void> {
  const { tables } = readOpenEmrTables();
  for (const table of step.tablesAdded) {
    await connection.query('DROP TABLE ??', [table]);
  }
  for (const [name, table] of Object.entries(tables)) {
    if (!step.tablesAdded.includes(name)) {
      for (const clauses of clausesFor(name, table, step)) {
        await connection.query(`ALTER TABLE \`${name}\` ${clauses.join(', ')}`);
      }
    }
  }
}

/** In two turns: a column can be renamed to the name of another once that is gone. */
function clausesFor(name: string, table: OpenEmrTable, { columnsAdded, altered }: UpgradeStep): string[][] {
  const changes = altered.filter((each) => each.table === name).map(({ what }) => what);
  const renamed = changes.flatMap((what) => {
    const [, before, after] = /^CHANGE (?:COLUMN )?`(\w+)` `(\w+)`/.exec(what) ?? [];
    return before === undefined || after === undefined ? [] : [{ before, after }];
  });
  const added = table.columns
    .map((column) => column.name)
    .filter((column) => columnsAdded.includes(`${name}.${column}`) && renamed.every(({ after }) => after !== column));
  const drops = added.map((column) => `DROP COLUMN \`${column}\``);
  if (changes.includes('DROP PRIMARY KEY')) {
    const former = table.indexes.find(
      ({ name: index, unique, columns }) =>
        index !== 'PRIMARY' && unique && columns.every((column) => !added.includes(column)),
    );
    if (former === undefined) {
      throw new Error(`no index of ${name} can have been its primary key`);
    }
    const columns = former.columns.map((column) => `\`${column}\``).join(', ');
    drops.push(`DROP INDEX \`${former.name}\``, `ADD PRIMARY KEY (${columns})`);
  }
  const renames = renamed.map(({ before, after }) => {
    const column = table.columns.find((each) => each.name === after);
    return `CHANGE COLUMN \`${after}\` \`${before}\` ${column?.type ?? 'text'} ${column?.notNull ? 'NOT NULL' : 'NULL'}`;
  });
  return [drops, renames].filter((clauses) => clauses.length > 0);
}
