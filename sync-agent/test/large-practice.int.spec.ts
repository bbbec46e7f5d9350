import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { readUpgradeSteps, undoUpgrade } from 'infra/openemr-sim/older-schema';
import { testServices } from 'infra/services/test-services';
import { ASKED_INDEXES, findMissingIndexes, indexSql } from '../src/openemr/asked-indexes.js';
import { lookForChanges } from '../src/openemr/look-for-changes.js';
import { READABLE_CLASSES, type ReadableClass } from '../src/openemr/read-chart.js';
import { Snapshot } from '../src/openemr/snapshot.js';
import { ChartUnderTest } from './chart-under-test.js';
import { fillPractice, FIRST_PID, TABLES_OF_PATIENTS } from './large-practice.js';

const PATIENTS = 100_000;
/** The fill takes a minute, and on a busy machine several; milliseconds. */
const FILL_TIMEOUT = 600_000;
/** Tables of the practice are changed and get indexes; milliseconds. */
const INDEX_TIMEOUT = 600_000;
/** More of a table than one patient has in it, rows by the server's own estimate. */
const MANY = 500;

/** Rows of one patient and of the practice's staff, which one class may take. */
const FEW = 5_000;

const CHILD = 5001;
const MIDDLE = 5004;
const ELDERLY = 5009;
/** Of one kind in one chart; the server treats lists of a thousand keys and more in another way. */
const ENTRIES = 3_000;
/** Behind the numbers of all rows. */
const LAST = 90_000_000;

/** Read whole although it grows with the patients, and no index is asked for. */
const SMALL_ROWS: Readonly<Record<string, string>> = {
  'the holders of a portal name':
    'patient_access_onsite has a short row for each patient of the portal; the comparison to the letter can use no index',
};

/** Read whole because it is the practice's own and does not grow with the patients. */
const OF_THE_PRACTICE: Readonly<Record<string, string>> = {
  'categories of documents': 'categories is a list of the practice; its index leads on to the documents of the patient',
  'documents of results': 'categories is a list of the practice; its index leads on to the documents of the results',
  'sites of the practice': 'facility holds the practice’s few sites, and the section shows them all',
  staff: 'users holds staff and address book, and the section shows the staff',
  'users by name': 'users has no index on the name; it holds staff and address book',
  'the holders of a portal name': 'users has no index on the name',
  'the practice': 'facility holds the practice’s few sites',
};

/** `rows` may have a share behind it. */
const Plan = z.array(
  z.object({
    table: z.string().nullable(),
    type: z.string().nullable(),
    rows: z.unknown().transform((rows) => Number.parseInt(String(rows), 10) || 0),
  }),
);
const Notes = z.array(z.object({ Message: z.string() }));
const Counters = z.array(z.object({ Value: z.coerce.number() }));
const Session = z.tuple([z.object({ id: z.coerce.number() })]);

interface WholeReads {
  ofPatients: string[];
  ofThePractice: string[];
}

let chart: ChartUnderTest;
let database: string;

const READ_OF_EVERYBODY: readonly ReadableClass[] = [
  'appointments',
  'assessments',
  'billing',
  'care-plan',
  'care-team',
  'goals',
  'medications',
  'messages',
  'notes',
  'reports',
];

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

/** Names of statements that read one of these tables whole, and those that no index is asked for. */
const readsOf = (tables: readonly string[]): string[] =>
  sorted([
    ...ASKED_INDEXES.filter(({ table }) => tables.includes(table)).flatMap(({ reads }) => reads),
    ...Object.keys(SMALL_ROWS),
  ]);

const NOT_IN_8 = 'form_observation';
const IN_8 = ASKED_INDEXES.map(({ table }) => table).filter((table) => table !== NOT_IN_8);

/** Names of the statements whose plan goes through all of a table or an index, or through more than one patient's rows. */
async function wholeReads(statements: readonly { name: string; sql: string }[], many = MANY): Promise<WholeReads> {
  const found: WholeReads = { ofPatients: [], ofThePractice: [] };
  for (const { name, sql } of statements) {
    const [plan] = await chart.clinic.query<RowDataPacket[]>(`EXPLAIN EXTENDED ${sql}`);
    const [notes] = await chart.clinic.query<RowDataPacket[]>('SHOW WARNINGS');
    const [{ Message: rewritten } = { Message: '' }] = Notes.parse(notes);
    const tables = new Map(
      [...rewritten.matchAll(new RegExp(`\`${database}\`\\.\`(\\w+)\`(?: \`(\\w+)\`)?(?!\\.)`, 'g'))].map(
        ([, table = '', alias = table]) => [alias, table],
      ),
    );
    for (const { table: alias, type, rows } of Plan.parse(plan)) {
      // What is no table is made of the statement's own values or of rows of a step before.
      const table = tables.get(alias ?? '');
      const ofPatients = TABLES_OF_PATIENTS.has(table ?? '');
      if (table === undefined) {
        continue;
      }
      if (type === 'ALL' || type === 'index' || (ofPatients && rows > many)) {
        found[ofPatients ? 'ofPatients' : 'ofThePractice'].push(name);
      }
    }
  }
  return { ofPatients: sorted(found.ofPatients), ofThePractice: sorted(found.ofThePractice) };
}

/** Of charts with little and with much in them. */
async function statements(): Promise<{ name: string; sql: string }[]> {
  return [...(await chart.statementsOf(CHILD)), ...(await chart.statementsOf(ELDERLY))];
}

/** Rows that the server went through for one reading of some classes. */
async function rowsReadFor(classes: readonly ReadableClass[]): Promise<number> {
  const counted = async (): Promise<{ id: number; rows: number }> => {
    const [session] = await chart.reader.query<RowDataPacket[]>('SELECT CONNECTION_ID() AS id');
    const [counters] = await chart.reader.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Handler_read%'");
    const rows = Counters.parse(counters).reduce((sum, { Value }) => sum + Value, 0);
    return { id: Session.parse(session)[0].id, rows };
  };
  const before = await counted();
  await chart.read(ELDERLY, classes);
  const after = await counted();
  // The pool opens another connection only while one is in use.
  expect(after.id).toBe(before.id);
  return after.rows - before.rows;
}

/** Classes for which the server goes through rows in the number of the practice's patients. */
async function classesThatReadEverybody(): Promise<ReadableClass[]> {
  const found: ReadableClass[] = [];
  for (const recordClass of READABLE_CLASSES) {
    const rows = await rowsReadFor([recordClass]);
    if (rows > FEW) {
      expect(rows).toBeGreaterThan(PATIENTS - 1);
      found.push(recordClass);
    }
  }
  return found.sort();
}

async function createIndexes(tables: readonly string[]): Promise<void> {
  for (const index of ASKED_INDEXES.filter(({ table }) => tables.includes(table))) {
    await chart.clinic.query(indexSql(index));
  }
}

/** As `doctor` asks. */
const missing = async (): Promise<string[]> => (await findMissingIndexes(chart.reader)).map(({ table }) => table);

/** Each goes on from the database that the one before left. */
describe(`reading a chart among ${PATIENTS.toLocaleString('en')} patients`, () => {
  beforeAll(async () => {
    chart = await ChartUnderTest.start('large_practice');
    const [rows] = await chart.clinic.query<RowDataPacket[]>('SELECT DATABASE() AS name');
    database = String(rows[0]?.['name']);
    await fillPractice(testServices().inside.mariadb.socket, database, PATIENTS);
    await loadGoldenRows(chart.clinic);
    await chart.clinic.query(
      `UPDATE procedure_result s JOIN procedure_report r ON r.procedure_report_id = s.procedure_report_id
         JOIN procedure_order o ON o.procedure_order_id = r.procedure_order_id
          SET s.document_id = (SELECT MIN(id) FROM documents WHERE foreign_id = ?) WHERE o.patient_id = ?`,
      [ELDERLY, ELDERLY],
    );
  }, FILL_TIMEOUT);
  afterAll(async () => {
    await chart[Symbol.asyncDispose]();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('goes by an index in every statement, but for tables in which OpenEMR has none by patient', async () => {
    const reads = await wholeReads(await statements());
    expect(reads).toEqual({ ofPatients: readsOf(IN_8), ofThePractice: sorted(Object.keys(OF_THE_PRACTICE)) });
    expect(await missing()).toEqual(IN_8);
  });

  it('goes through so many rows in these that it is felt', async () => {
    expect(await classesThatReadEverybody()).toEqual(READ_OF_EVERYBODY);
  });

  it(
    'goes by an index in every statement once the clinic has added those it is asked for',
    async () => {
      await createIndexes(IN_8);
      expect((await wholeReads(await statements())).ofPatients).toEqual(Object.keys(SMALL_ROWS));
      expect(await missing()).toEqual([]);
      expect(await classesThatReadEverybody()).toEqual(['messages']);
    },
    INDEX_TIMEOUT,
  );

  it('does so as well for a chart with thousands of entries, whose keys make long lists', async () => {
    const entries = `seq_1_to_${String(ENTRIES)}`;
    const id = `${String(LAST)} + seq`;
    for (const sql of [
      `INSERT INTO documents (id, foreign_id, name) SELECT ${id}, ${String(MIDDLE)}, 'letter' FROM ${entries}`,
      `INSERT INTO categories_to_documents (category_id, document_id) SELECT 3, ${id} FROM ${entries}`,
      `INSERT INTO procedure_result (procedure_result_id, procedure_report_id, document_id)
        SELECT ${id}, (SELECT MIN(procedure_report_id) FROM procedure_report r JOIN procedure_order o
                        ON o.procedure_order_id = r.procedure_order_id WHERE o.patient_id = ${String(MIDDLE)}), ${id}
          FROM ${entries}`,
      `INSERT INTO forms (id, pid, encounter, formdir, form_id, deleted)
        SELECT ${id}, ${String(MIDDLE)}, 1, 'vitals', ${id}, 0 FROM ${entries}`,
      `INSERT INTO form_vitals (id, pid, date) SELECT ${id}, ${String(MIDDLE)}, NOW() FROM ${entries}`,
      `INSERT INTO form_vital_details (id, form_id) SELECT ${id}, ${id} FROM ${entries}`,
      `INSERT INTO care_teams (id, pid, status) SELECT ${id}, ${String(MIDDLE)}, 'active' FROM ${entries}`,
      `INSERT INTO care_team_member (id, care_team_id) SELECT ${id}, ${id} FROM ${entries}`,
    ]) {
      await chart.clinic.query(sql);
    }
    const asked = await chart.statementsOf(MIDDLE);
    expect(asked.filter(({ sql }) => sql.length > 5 * ENTRIES).length).toBeGreaterThan(2);
    expect((await wholeReads(asked, Infinity)).ofPatients).toEqual(Object.keys(SMALL_ROWS));
  });

  it('does so as well when it looks for changes without a binlog, of as many charts as that may be', async () => {
    const select = jest.spyOn(Snapshot.prototype, 'select');
    const first = await lookForChanges(chart.reader, null, []);
    const pids = Array.from({ length: 2_500 }, (_, index) => FIRST_PID + index);
    await lookForChanges(chart.reader, { ...first, passBegan: first.at, passedPid: null }, pids);
    const looked = select.mock.calls.map(([name, , sql, values]) => ({ name, sql: chart.clinic.format(sql, values) }));
    expect(looked.length).toBeGreaterThan(10);
    expect(await wholeReads(looked)).toEqual({ ofPatients: [], ofThePractice: [] });
  });

  it(
    'does so with the oldest OpenEMR that is known, which lacks one index more',
    async () => {
      for (const step of readUpgradeSteps().reverse()) {
        await undoUpgrade(chart.clinic, step);
      }
      // Versions before 7.0.4 made the table without any index.
      const [indexes] = await chart.clinic.query<RowDataPacket[]>(`SHOW INDEX FROM ${NOT_IN_8}`);
      for (const name of sorted(indexes.map((index) => String(index['Key_name'])))) {
        await chart.clinic.query(`DROP INDEX ${name} ON ${NOT_IN_8}`);
      }
      expect((await wholeReads(await statements())).ofPatients).toEqual(readsOf([NOT_IN_8]));
      expect(await missing()).toEqual([NOT_IN_8]);
      await createIndexes([NOT_IN_8]);
      expect((await wholeReads(await statements())).ofPatients).toEqual(Object.keys(SMALL_ROWS));
      expect(await missing()).toEqual([]);
    },
    INDEX_TIMEOUT,
  );
});
