import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { Pool, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { readUpgradeSteps, undoUpgrade } from 'infra/openemr-sim/older-schema';
import { readSimJson } from 'infra/openemr-sim/sim-data';
import { testServices } from 'infra/services/test-services';
import { renderChart, type RenderedSection } from '../src/chart/render-chart.js';
import { checkGrants } from '../src/doctor/check-grants.js';
import { OwnerFinder } from '../src/openemr/find-owner.js';
import { KNOWN_VERSIONS, type KnownVersion } from '../src/openemr/known-versions.js';
import { lookForChanges } from '../src/openemr/look-for-changes.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { readChart } from '../src/openemr/read-chart.js';
import { OpenEmrReadFailed, openSnapshot } from '../src/openemr/snapshot.js';
import { lackingOf } from '../src/openemr/version-differences.js';
import { assertReadableOpenEmr, findLacking, OpenEmrNotSupported } from '../src/openemr/versions.js';
import { declaredGrants } from '../src/setup/account-sql.js';
import { ChartUnderTest } from './chart-under-test.js';

const PIDS = z
  .array(z.object({ pid: z.int() }))
  .parse(readSimJson('golden/patients.json'))
  .map(({ pid }) => pid);
const CHILD = 5001;
const SOME = [CHILD, 5007, 5009];

/** Of a version before 7.0.4: what is fewer, and more, at each place of the newest one's charts, with what it lacks. */
const BEFORE_7_0_4 = {
  // patient_data.interpreter_needed
  'profile.resources.extension': 8,
  // contact_relation: four persons of the patients' own
  'profile.resources.active': 4,
  'profile.resources.address': 28,
  'profile.resources.meta': 4,
  'profile.resources.name': 16,
  'profile.resources.patient': 4,
  'profile.resources.period': 4,
  'profile.resources.relationship': 32,
  'profile.resources.resourceType': 4,
  'profile.resources.telecom': 12,
  // form_history_sdoh: three assessments; employer_data: when and by whom two occupations were written down
  'social-history.resources.category': 165,
  'social-history.resources.code': 61,
  'social-history.resources.effectiveDateTime': 30,
  'social-history.resources.encounter': 28,
  'social-history.resources.hasMember': 25,
  'social-history.resources.issued': 30,
  'social-history.resources.meta': 30,
  'social-history.resources.name': 4,
  'social-history.resources.note': 6,
  'social-history.resources.performer': 33,
  'social-history.resources.resourceType': 30,
  'social-history.resources.status': 28,
  'social-history.resources.subject': 28,
  'social-history.resources.valueCodeableConcept': 52,
  'social-history.resources.valueInteger': 3,
  // prescriptions.diagnosis, and what lists_medication said of the source of an adherence
  'medications.resources.extension': 130,
  'medications.resources.reasonCode': 42,
  // lists_medication.prescription_id: what is prescribed and listed is not known to be the same, and stands twice
  'more medications.resources.authoredOn': 21,
  'more medications.resources.category': 63,
  'more medications.resources.dosageInstruction': 21,
  'more medications.resources.intent': 21,
  'more medications.resources.medicationCodeableConcept': 21,
  'more medications.resources.meta': 21,
  'more medications.resources.reportedBoolean': 21,
  'more medications.resources.requester': 42,
  'more medications.resources.resourceType': 21,
  'more medications.resources.status': 21,
  'more medications.resources.subject': 21,
  // procedure_specimen
  'results.resources.specimen': 960,
  // immunizations.encounter_id
  'immunizations.resources.encounter': 132,
  // form_care_plan.plan_status: plans whose state is known are of an unknown one
  'care-plan.resources.activity': 56,
  'care-plan.resources.status': 35,
  'more care-plan.resources.activity': 56,
  'more care-plan.resources.status': 35,
  // form_observation.parent_observation_id
  'assessments.resources.derivedFrom': 8,
  'assessments.resources.hasMember': 8,
  // care_teams, care_team_member, person, contact_telecom
  'care-team.resources.active': 28,
  'care-team.resources.address': 120,
  'care-team.resources.identifier': 96,
  'care-team.resources.meta': 70,
  'care-team.resources.name': 204,
  'care-team.resources.participant': 276,
  'care-team.resources.patient': 4,
  'care-team.resources.relationship': 4,
  'care-team.resources.resourceType': 70,
  'care-team.resources.status': 12,
  'care-team.resources.subject': 12,
  'care-team.resources.telecom': 84,
};

const LACKED: Partial<Record<KnownVersion, Readonly<Record<string, number>>>> = {
  '7.0.2': BEFORE_7_0_4,
  '7.0.3': BEFORE_7_0_4,
};

let chart: ChartUnderTest;
let database: string;
/** as the newest version's charts have it, by patient */
const newest = new Map<number, Map<string, number>>();
let undone: KnownVersion = '8.2.0';

beforeAll(async () => {
  chart = await ChartUnderTest.start('versions');
  await loadGoldenRows(chart.clinic);
  const [rows] = await chart.clinic.query<RowDataPacket[]>('SELECT DATABASE() AS name');
  database = String(rows[0]?.['name']);
  for (const pid of PIDS) {
    newest.set(pid, factsOf(await chart.render(pid)));
  }
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});

/** Every value of the sections by class and place, without ids: the entries of an older form have others. */
function factsOf(sections: readonly RenderedSection[]): Map<string, number> {
  const facts = new Map<string, number>();
  const add = (path: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null) {
      const isList = Array.isArray(value);
      Object.entries(value).forEach(([key, part]) => {
        if (!['id', 'reference', 'section'].includes(key)) {
          add(isList ? path : `${path}.${key}`, part);
        }
      });
    } else {
      const fact = `${path} = ${String(value)}`;
      facts.set(fact, (facts.get(fact) ?? 0) + 1);
    }
  };
  sections.forEach(({ recordClass, content }) => {
    add(recordClass, content);
  });
  return facts;
}

/** How many facts there are fewer, or more, at each place of the patients' charts. */
function lackedBy(older: ReadonlyMap<number, Map<string, number>>): Record<string, number> {
  const lacked = new Map<string, number>();
  for (const [pid, after] of older) {
    const before = newest.get(pid);
    for (const fact of new Set([...(before?.keys() ?? []), ...after.keys()])) {
      const fewer = (before?.get(fact) ?? 0) - (after.get(fact) ?? 0);
      const [path = ''] = fact.split(' = ', 1);
      const place = `${fewer < 0 ? 'more ' : ''}${path.split('.').slice(0, 3).join('.')}`;
      lacked.set(place, (lacked.get(place) ?? 0) + Math.abs(fewer));
    }
  }
  return Object.fromEntries([...lacked].filter(([, count]) => count > 0).sort());
}

/** Takes the database back to a version, by OpenEMR's own upgrades read backwards. */
async function goBackTo(version: KnownVersion): Promise<void> {
  for (const step of readUpgradeSteps().toReversed()) {
    if (step.to === undone && undone !== version) {
      await undoUpgrade(chart.clinic, step);
      undone = z.enum(KNOWN_VERSIONS).parse(step.from);
    }
  }
  expect(undone).toBe(version);
}

/** Signs in as an account with the reader's rights as `setup` gives them for a version. */
async function asReaderOf(version: KnownVersion, use: (pool: Pool, account: string) => Promise<void>): Promise<void> {
  const { inside } = testServices();
  const account = `version_${randomBytes(4).toString('hex')}`;
  await inside.adminSql('CREATE USER ?@? IDENTIFIED BY ? REQUIRE SSL', [account, '127.0.0.1', account]);
  try {
    for (const { statement } of declaredGrants(version).filter((grant) => grant.account === 'agent_reader')) {
      await inside.adminSql(`${statement.replaceAll('{{openemr}}', `\`${database}\``)} TO ?@?`, [account, '127.0.0.1']);
    }
    const { port, caFile } = inside.mariadb;
    const pool = createOpenEmrPool({ host: '127.0.0.1', port, caFile, database, user: account, password: account });
    try {
      await use(pool, account);
    } finally {
      await pool.end();
    }
  } finally {
    await inside.adminSql('DROP USER ?@?', [account, '127.0.0.1']);
  }
}

describe('what no version lacks', () => {
  it('is never taken for lacking: a table that is gone fails its class alone', async () => {
    await chart.clinic.query('RENAME TABLE care_teams TO away');
    try {
      await using snapshot = await openSnapshot(chart.reader);
      const { failures, problems } = await readChart(snapshot, CHILD);
      expect([...failures.keys()]).toEqual(['care-team']);
      expect(failures.get('care-team')).toBeInstanceOf(OpenEmrReadFailed);
      expect(problems).toBeDefined();
      await expect(assertReadableOpenEmr(chart.reader)).rejects.toThrow(/care_teams\.id, care_teams\.pid/);
    } finally {
      await chart.clinic.query('RENAME TABLE away TO care_teams');
    }
  });
});

describe.each([...KNOWN_VERSIONS].reverse())('OpenEMR %s', (version) => {
  beforeAll(async () => {
    await goBackTo(version);
  });

  it('gives the whole chart of its patients, without what this version lacks and with everything else', async () => {
    await asReaderOf(version, async (pool) => {
      await assertReadableOpenEmr(pool);
      expect([...(await findLacking(pool))].sort()).toEqual([...lackingOf(version)].sort());
      const older = new Map<number, Map<string, number>>();
      for (const pid of LACKED[version] === undefined ? SOME : PIDS) {
        await using snapshot = await openSnapshot(pool);
        const rows = await readChart(snapshot, pid);
        expect([...rows.failures]).toEqual([]);
        older.set(pid, factsOf(renderChart(rows, chart.context(rows))));
      }
      expect(lackedBy(older)).toEqual(LACKED[version] ?? {});
    });
  });

  it('lets its reader have what is declared, no more and no less', async () => {
    await asReaderOf(version, async (pool, account) => {
      const [rows] = await pool.query<RowDataPacket[]>('SHOW GRANTS');
      const grants = rows.map((row) => String(Object.values(row)[0]));
      const names = { host: '', port: 0, caFile: '', openemrName: database, ledgerName: 'ledger' };
      expect(checkGrants('reader', account, names, grants, await findLacking(pool))).toEqual({
        missing: [],
        excess: [],
      });
    });
  });

  it('without a column that this version has is refused in a sentence that names it and nothing else', async () => {
    await chart.clinic.query('ALTER TABLE lists CHANGE reaction away varchar(255)');
    try {
      const refused = assertReadableOpenEmr(chart.reader);
      await expect(refused).rejects.toThrow(OpenEmrNotSupported);
      await expect(refused).rejects.toThrow(
        "OpenEMR's database lacks, or the reader account may not select, lists.reaction; OpenEMR 7.0.2 or later, " +
          'its upgrade finished, and the reader grants of its version are needed',
      );
    } finally {
      await chart.clinic.query("ALTER TABLE lists CHANGE away reaction varchar(255) NOT NULL DEFAULT ''");
    }
  });
});

describe('an OpenEMR of the oldest version', () => {
  it('is refused while it is half upgraded: some of what a version brought is there, and some is not', async () => {
    await chart.clinic.query('ALTER TABLE prescriptions ADD COLUMN diagnosis text');
    try {
      await expect(assertReadableOpenEmr(chart.reader)).rejects.toThrow(/issue_encounter\.id/);
    } finally {
      await chart.clinic.query('ALTER TABLE prescriptions DROP COLUMN diagnosis');
    }
  });

  it('is seen as what it is by a pool that knew the newest: nobody has to start anew for an upgrade', async () => {
    const rows = await chart.read(CHILD);
    expect(rows['care-team']?.teams).toEqual([]);
    expect(rows.problems?.visits.length).toBeGreaterThan(0);
  });

  it('is read by the same indexes: what stands in place of a table is merged into the statement', async () => {
    const statements = await chart.statementsOf(CHILD);
    const derived = statements.flatMap(({ sql }) => (sql.includes('(SELECT `') ? [sql] : []));
    expect(derived.length).toBeGreaterThan(5);
    for (const sql of derived) {
      const [plan] = await chart.clinic.query<RowDataPacket[]>(`EXPLAIN ${sql}`);
      expect(plan.map((row) => String(row['select_type']))).not.toContain('DERIVED');
    }
  });

  it('names whose a row is that has another key there', async () => {
    const [rows] = await chart.clinic.query<RowDataPacket[]>(
      'SELECT pid, list_id, encounter FROM issue_encounter WHERE pid = ? LIMIT 1',
      [CHILD],
    );
    const key = Object.values(rows[0] ?? {}).join('|');
    const sources = (await chart.read(CHILD, ['problems', 'procedures'])).sources;
    expect(sources.find((source) => source.table === 'issue_encounter' && source.key === key)).toBeDefined();
    expect(await new OwnerFinder(chart.reader).ownersOf('issue_encounter', key)).toEqual([CHILD]);
  });

  it('can be polled', async () => {
    const first = await lookForChanges(chart.reader, null, []);
    await chart.clinic.query("INSERT INTO prescriptions (patient_id, drug) VALUES (?, 'new')", [CHILD]);
    await chart.clinic.query("UPDATE lists SET comments = 'changed', modifydate = NOW() WHERE pid = 5007 LIMIT 1");
    const state = { passBegan: first.at, passedPid: null, lookedAt: first.lookedAt, lastKeys: first.lastKeys };
    const { changes } = await lookForChanges(chart.reader, state, PIDS);
    expect([...changes.pids.keys()].sort()).toEqual([CHILD, 5007]);
  });
});
