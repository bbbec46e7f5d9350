import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { readRecordedRows, readSimJson } from 'infra/openemr-sim/sim-data';
import { canonicalJson } from 'sync-contract/canonical-json';
import { classOfSection, SectionName } from 'sync-contract/classes';
import { LIMITS } from 'sync-contract/limits';
import { sealSection } from 'sync-contract/section';
import {
  BillingContent,
  ResourcesContent,
  ThreadContent,
  ThreadsContent,
  YearsContent,
  type Resource,
} from 'sync-contract/section-content';
import { renderChart, type RenderedSection } from '../src/chart/render-chart.js';
import { ResourceIds } from '../src/chart/resource-id.js';
import { READABLE_CLASSES, readChart, type ReadableClass } from '../src/openemr/read-chart.js';
import { OpenEmrReadFailed, openSnapshot } from '../src/openemr/snapshot.js';
import { ChartUnderTest } from './chart-under-test.js';

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart');
  await loadGoldenRows(chart.clinic);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await chart.clinic.query("UPDATE globals SET gl_value = 'UTC' WHERE gl_name = 'gbl_time_zone'");
});

const PIDS = z
  .array(z.object({ pid: z.int() }))
  .parse(readSimJson('golden/patients.json'))
  .map(({ pid }) => pid);
const CHILD = 5001;
const WITH_EDGE_CASES = 5008;
/** no other case here changes this chart's results */
const ORDERED = 5009;
/** has a name in portal mail, and notes */
const WITH_MAIL = 5002;

const section = (sections: RenderedSection[], name: string): RenderedSection => {
  const found = sections.find((each) => each.name === name);
  if (found === undefined) {
    throw new Error(`there is no section ${name}`);
  }
  return found;
};
const resourcesOf = (sections: RenderedSection[], name: string): Resource[] =>
  ResourcesContent.parse(section(sections, name).content).resources;
const allResources = (sections: RenderedSection[]): Resource[] =>
  sections.flatMap(({ content }) => ResourcesContent.safeParse(content).data?.resources ?? []);
const contents = (sections: RenderedSection[]): string =>
  canonicalJson(sections.map(({ name, content }) => [name, content]));

function schemaOf(name: string): z.ZodType {
  const [kind, part] = name.split('/');
  if (kind === 'billing') {
    return BillingContent;
  }
  if (kind === 'messages') {
    return part === undefined ? ThreadsContent : ThreadContent;
  }
  return (kind === 'results' || kind === 'vitals') && part === undefined ? YearsContent : ResourcesContent;
}

/** What a year counts: reports, and forms of vital signs by their panel. */
const COUNTED_BY_YEAR: readonly (readonly [string, (resource: Resource) => boolean])[] = [
  ['results', ({ resourceType }) => resourceType === 'DiagnosticReport'],
  ['vitals', (resource) => JSON.stringify(resource['code'] ?? null).includes('"85353-1"')],
];

describe('sections of every recorded patient', () => {
  it.each(PIDS)('%i: a class rendered by itself is what it is in the whole chart', async (pid) => {
    const whole = new Map((await chart.render(pid)).map(({ name, content }) => [name, canonicalJson(content)]));
    for (const recordClass of READABLE_CLASSES) {
      const rows = await chart.read(pid, [recordClass]);
      const alone = renderChart(rows, chart.context(rows)).filter((each) => each.recordClass === recordClass);
      expect(alone.length).toBeGreaterThan(0);
      const names = [...whole.keys()].filter((name) => classOfSection(name) === recordClass);
      expect(alone.map(({ name }) => name)).toEqual(names);
      for (const { name, content } of alone) {
        expect(canonicalJson(content)).toBe(whole.get(name));
      }
    }
  });

  it.each(PIDS)('%i: keep the contract, and name each other rightly', async (pid) => {
    const sections = await chart.render(pid);
    expect(new Set(sections.map(({ name }) => name)).size).toBe(sections.length);
    for (const { name, content, skipped } of sections) {
      expect(SectionName.safeParse(name).success).toBe(true);
      expect(schemaOf(name).parse(content)).toEqual(content);
      expect(skipped).toBe(0);
    }
    for (const [recordClass, counted] of COUNTED_BY_YEAR) {
      const { years } = YearsContent.parse(section(sections, recordClass).content);
      for (const { section: name, count } of years) {
        expect(resourcesOf(sections, name).filter(counted)).toHaveLength(count);
      }
      expect(sections.filter(({ name }) => name.startsWith(`${recordClass}/`))).toHaveLength(years.length);
    }
    const { threads } = ThreadsContent.parse(section(sections, 'messages').content);
    for (const summary of threads) {
      const thread = ThreadContent.parse(section(sections, `messages/${summary.threadId}`).content);
      expect(thread.messages).toHaveLength(summary.messages);
      expect(thread.messages.at(-1)?.sentAt).toBe(summary.lastAt);
    }
  });

  it.each(PIDS)('%i: carry no social security number and none of OpenEMR’s uuids', async (pid) => {
    const text = contents(await chart.render(pid));
    const patient = readRecordedRows('golden', 'patient_data').find((row) => row['pid'] === pid);
    const number = String(patient?.['ss'] ?? '');
    if (number !== '') {
      expect(text).not.toContain(number);
      expect(text).not.toContain(number.replaceAll('-', ''));
    }
    expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-(?!000000000001)[0-9a-f]{12}/);
    expect(text).not.toContain('a348b77b');
  });

  it.each(PIDS)('%i: hold the people, places and measurements that their resources refer to', async (pid) => {
    const sections = await chart.render(pid);
    for (const { content } of sections) {
      const resources = ResourcesContent.safeParse(content).data?.resources ?? [];
      const held = new Set(resources.map(({ resourceType, id }) => `${resourceType}/${id}`));
      expect(held.size).toBe(resources.length);
      const references = [...JSON.stringify(resources).matchAll(/"reference":"([^"]+)"/g)].map(
        ([, each]) => each ?? '',
      );
      const expected = references.filter((each) => /^(Practitioner|Organization|Location|Observation)\//.test(each));
      expect(expected.filter((each) => !held.has(each))).toEqual([]);
    }
  });

  it('differ between practices in every resource id', async () => {
    const rows = await chart.read(CHILD);
    const here = allResources(renderChart(rows, chart.context(rows)));
    const there = allResources(renderChart(rows, { ...chart.context(rows), resourceIdKey: Buffer.alloc(32, 7) }));
    const ids = new Set(here.map(({ id }) => id));
    expect(there.length).toBe(here.length);
    expect(there.some(({ id }) => ids.has(id))).toBe(false);
  });
});

describe('content', () => {
  it('stays the same, byte for byte, when only columns move that move by themselves', async () => {
    const before = contents(await chart.render(WITH_EDGE_CASES));
    await chart.clinic.query("UPDATE lists SET modifydate = '2030-01-01 00:00:00', uuid = NULL");
    await chart.clinic.query("UPDATE patient_data SET last_updated = '2030-01-01 00:00:00', uuid = NULL");
    await chart.clinic.query("UPDATE drug_sales SET last_updated = '2030-01-01 00:00:00'");
    await chart.clinic.query("UPDATE list_options SET last_updated = '2030-01-01 00:00:00'");
    await chart.clinic.query("UPDATE users SET last_updated = '2030-01-01 00:00:00', uuid = NULL");
    await chart.clinic.query('UPDATE prescriptions SET uuid = NULL');
    await chart.clinic.query('UPDATE procedure_result SET uuid = NULL');
    await chart.clinic.query('UPDATE procedure_report SET uuid = NULL');
    await chart.clinic.query("UPDATE form_vitals SET last_updated = '2030-01-01 00:00:00', uuid = NULL");
    await chart.clinic.query("UPDATE form_clinical_notes SET last_updated = '2030-01-01 00:00:00', uuid = NULL");
    await chart.clinic.query("UPDATE form_encounter SET last_update = '2030-01-01 00:00:00', uuid = NULL");
    expect(contents(await chart.render(WITH_EDGE_CASES))).toBe(before);
  });

  it('changes with a corrected result, and only in the sections that show it', async () => {
    const before = await chart.render(CHILD);
    await chart.clinic.query(
      "UPDATE procedure_result SET result = '99.9', result_status = 'correct' WHERE procedure_result_id = 200001",
    );
    const after = await chart.render(CHILD);
    const changed = after.filter(
      ({ name, content }) => canonicalJson(content) !== canonicalJson(section(before, name).content),
    );
    expect(changed.map(({ name }) => name)).toEqual(['results/2014']);
    const corrected = resourcesOf(after, 'results/2014').find(({ status }) => status === 'corrected');
    expect(corrected?.['valueQuantity']).toMatchObject({ value: 99.9 });
  });
});

describe('results', () => {
  const observationsOf = async (pid: number): Promise<Resource[]> =>
    allResources(await chart.render(pid)).filter(({ resourceType }) => resourceType === 'Observation');

  it('appear once when the test catalogue holds a test twice', async () => {
    const before = await observationsOf(CHILD);
    await chart.clinic.query(
      `INSERT INTO procedure_type (name, lab_id, procedure_code, procedure_type, standard_code, activity)
       SELECT name, lab_id, procedure_code, procedure_type, 'LOINC:1-1', 0 FROM procedure_type`,
    );
    expect(await observationsOf(CHILD)).toEqual(before);
  });

  it('that a laboratory must not report are not shown; a test not performed is shown as that, without a value', async () => {
    const [dnr, tnp] = [200002, 200003];
    await chart.clinic.query("UPDATE procedure_result SET result = 'DNR' WHERE procedure_result_id = ?", [dnr]);
    await chart.clinic.query("UPDATE procedure_result SET result = 'TNP' WHERE procedure_result_id = ?", [tnp]);
    const observations = await observationsOf(CHILD);
    const named = (name: string): Resource[] =>
      observations.filter(
        (each) => JSON.stringify(each['code']).includes(name) && JSON.stringify(each).includes('2014-'),
      );
    expect(named('Erythrocytes [#/volume]')).toEqual([]);
    const [notPerformed] = named('Hemoglobin [Mass/volume] in Blood"');
    expect(notPerformed).toMatchObject({
      status: 'cancelled',
      dataAbsentReason: { coding: [{ code: 'not-performed' }] },
    });
    expect(notPerformed).not.toHaveProperty('valueString');
    expect(JSON.stringify(observations)).not.toContain('TNP');
  });

  it('belong to the year of collection on the clinic’s clock, and to "undated" without a time of collection', async () => {
    await chart.clinic.query(
      "UPDATE procedure_report SET date_collected = '2019-12-31 23:30:00' WHERE procedure_report_id = 20001",
    );
    await chart.clinic.query(
      "UPDATE procedure_report SET date_collected = '0000-00-00 00:00:00' WHERE procedure_report_id = 20002",
    );
    await chart.clinic.query('UPDATE procedure_order SET date_collected = NULL WHERE procedure_order_id = 20002');
    await chart.clinic.query("UPDATE globals SET gl_value = 'America/New_York' WHERE gl_name = 'gbl_time_zone'");
    const sections = await chart.render(CHILD);
    expect(YearsContent.parse(section(sections, 'results').content).years).toEqual([
      { section: 'results/2019', year: 2019, count: 1, newest: '2019-12-31T23:30:00-05:00' },
      expect.objectContaining({ section: 'results/2016', year: 2016 }),
      { section: 'results/undated', year: 'undated', count: 1, newest: null },
    ]);
  });

  it('name the documents that they came as, and only those that the patient’s own list shows', async () => {
    const [shown, deleted, unfiled, administrators, madeByOpenEmr, strangers] = [1, 2, 3, 4, 5, 6].map(
      (n) => 7_000_000 + n,
    );
    const [visible, hidden] = [3, 7_000_001];
    await chart.clinic.query(
      "INSERT INTO categories (id, name, parent, lft, rght, aco_spec) VALUES (?, 'of administrators', 1, 0, 0, 'admin|super')",
      [hidden],
    );
    await chart.clinic.query(
      'INSERT INTO documents (id, foreign_id, name, deleted, foreign_reference_table) VALUES ?',
      [
        [shown, deleted, unfiled, administrators, madeByOpenEmr, strangers].map((id) => [
          ...[id, id === strangers ? WITH_EDGE_CASES : ORDERED, 'scan.pdf', id === deleted ? 1 : 0],
          id === madeByOpenEmr ? 'ccda' : null,
        ]),
      ],
    );
    await chart.clinic.query('INSERT INTO categories_to_documents (category_id, document_id) VALUES ?', [
      [...[shown, deleted, madeByOpenEmr, strangers].map((id) => [visible, id]), [hidden, administrators]],
    ]);
    const [rows] = await chart.clinic.query<RowDataPacket[]>(
      `SELECT s.procedure_result_id AS id FROM procedure_order o
         JOIN procedure_report r ON r.procedure_order_id = o.procedure_order_id
         JOIN procedure_result s ON s.procedure_report_id = r.procedure_report_id
        WHERE o.patient_id = ? AND o.activity = 1 ORDER BY s.procedure_result_id LIMIT 8`,
      [ORDERED],
    );
    const named = [shown, shown, deleted, unfiled, administrators, madeByOpenEmr, strangers, 7_000_099];
    expect(rows).toHaveLength(named.length);
    for (const [place, documentId] of named.entries()) {
      const result = Number(rows[place]?.['id']);
      await chart.clinic.query('UPDATE procedure_result SET document_id = ? WHERE procedure_result_id = ?', [
        documentId,
        result,
      ]);
    }
    const sections = await chart.render(ORDERED);
    const ids = new ResourceIds(chart.resourceIdKey);
    const link = { reference: `DocumentReference/${ids.id('documents', shown ?? 0)}`, type: 'DocumentReference' };
    const pointing = allResources(sections).filter(
      (each) => each.resourceType === 'Observation' && JSON.stringify(each['derivedFrom'] ?? '').includes('Document'),
    );
    expect(pointing.map(({ id, derivedFrom }) => ({ id, derivedFrom }))).toEqual(
      expect.arrayContaining(
        rows.slice(0, 2).map((row) => ({ id: ids.id('procedure_result', Number(row['id'])), derivedFrom: [link] })),
      ),
    );
    expect(pointing).toHaveLength(2);
    const inList = resourcesOf(sections, 'documents').map(({ id }) => id);
    expect(inList).toContain(ids.id('documents', shown ?? 0));
    const { sources } = await chart.read(ORDERED, ['results']);
    const ofDocuments = sources.filter(({ table }) =>
      ['documents', 'categories', 'categories_to_documents'].includes(table),
    );
    expect(ofDocuments).toEqual([
      { table: 'documents', key: String(shown), classes: ['results'] },
      { table: 'categories_to_documents', key: `${String(visible)}|${String(shown)}`, classes: ['results'] },
      { table: 'categories', key: String(visible), classes: ['results'] },
    ]);
  });

  it('of an order that the practice deleted are gone', async () => {
    await chart.clinic.query('UPDATE procedure_order SET activity = 0 WHERE patient_id = ?', [CHILD]);
    const sections = await chart.render(CHILD);
    expect(section(sections, 'results').content).toEqual({ years: [] });
    expect(sections.filter(({ name }) => name.startsWith('results/'))).toEqual([]);
  });

  it('name the laboratory with its address', async () => {
    const laboratories = allResources(await chart.render(WITH_EDGE_CASES)).filter(
      ({ resourceType, name }) => resourceType === 'Organization' && String(name).includes('Clinical Lab'),
    );
    expect(laboratories[0]?.['address']).toEqual([
      { line: ['1 Test Way'], city: 'Springfield', state: 'MA', postalCode: '01101' },
    ]);
  });
});

describe('rows nobody can read', () => {
  it('are counted and stop nothing else', async () => {
    const before = resourcesOf(await chart.render(CHILD), 'medications').length;
    await chart.clinic.query(
      `INSERT INTO prescriptions (patient_id, drug, rxnorm_drugcode, date_added, start_date, end_date, active)
       VALUES (?, '', '', '0000-00-00 00:00:00', '0000-00-00', '0000-00-00', 1)`,
      [CHILD],
    );
    await chart.clinic.query(
      `INSERT INTO prescriptions (patient_id, drug, date_added, start_date, end_date, active, route, \`interval\`, form, quantity, dosage)
       VALUES (?, 'Willow bark', '0000-00-00 00:00:00', '2026-02-31', '0000-00-00', 1, 'smoked', 999, 77, 'a few', 'some')`,
      [CHILD],
    );
    const sections = await chart.render(CHILD);
    expect(section(sections, 'medications').skipped).toBe(1);
    expect(resourcesOf(sections, 'medications')).toHaveLength(before + 1);
    const odd = resourcesOf(sections, 'medications').find((each) => JSON.stringify(each).includes('Willow bark'));
    expect(odd).toMatchObject({
      status: 'active',
      medicationCodeableConcept: { text: 'Willow bark' },
      dosageInstruction: [{ text: 'some, smoked', route: { text: 'smoked' } }],
    });
    expect(odd).not.toHaveProperty('authoredOn');
  });
});

/** A number beyond what a program can tell from its neighbours; the columns below take it. */
const BEYOND = '1152921504606846976';

/** Rows with a column of another type or size than any OpenEMR writes: their class, their table, its key, and the row. */
const ODD_ROWS: readonly (readonly [ReadableClass, table: string, key: string, row: string])[] = [
  ['immunizations', 'immunizations', 'id', `patient_id = ?, cvx_code = '08', administered_by_id = ${BEYOND}`],
  ['encounters', 'form_encounter', 'id', `pid = ?, encounter = 777777, date = NOW(), reason = REPEAT('x', 2200000)`],
  ['procedures', 'lists', 'id', `pid = ?, type = 'surgery', comments = REPEAT('x', 2200000), activity = 1`],
  ['problems', 'lists', 'id', `pid = ?, type = 'medical_problem', comments = REPEAT('x', 2200000), activity = 1`],
  ['allergies', 'lists', 'id', `pid = ?, type = 'allergy', comments = REPEAT('x', 2200000), activity = 1`],
];

describe('a row that is not what its table is to hold', () => {
  it.each(ODD_ROWS)('%s: is left out, named for the log and counted for the patient', async (recordClass, ...odd) => {
    const [table, key, values] = odd;
    const before = section(await chart.render(WITH_MAIL), recordClass);
    const [inserted] = await chart.clinic.query<ResultSetHeader>(`INSERT INTO ${table} SET ${values}`, [WITH_MAIL]);
    try {
      const rows = await chart.read(WITH_MAIL);
      expect(rows.unreadable).toMatchObject([
        {
          ...{ recordClass, isEntry: true, key: String(inserted.insertId) },
          reason: expect.stringMatching(/too long|unexpected shape/) as unknown,
        },
      ]);
      const after = section(renderChart(rows, chart.context(rows)), recordClass);
      expect(after.skipped).toBe(before.skipped + 1);
      expect(after.content).toEqual({ ...before.content, skipped: after.skipped });
      expect(schemaOf(recordClass).parse(after.content)).toEqual(after.content);
    } finally {
      await chart.clinic.query(`DELETE FROM ${table} WHERE ${key} = ?`, [inserted.insertId]);
    }
  });

  it('fails its class, and only that, where others would look whole without it', async () => {
    const [inserted] = await chart.clinic.query<ResultSetHeader>(
      `INSERT INTO procedure_order SET patient_id = ?, activity = 1, provider_id = ${BEYOND}`,
      [WITH_MAIL],
    );
    try {
      await using snapshot = await openSnapshot(chart.reader);
      const rows = await readChart(snapshot, WITH_MAIL);
      expect([...rows.failures.keys()]).toEqual(['results']);
      expect(rows.unreadable).toEqual([]);
    } finally {
      await chart.clinic.query('DELETE FROM procedure_order WHERE procedure_order_id = ?', [inserted.insertId]);
    }
  });

  it('is named and no more when it only says more about entries: they are shown without it', async () => {
    const before = await chart.render(CHILD);
    await chart.clinic.query('ALTER TABLE list_options MODIFY notes mediumtext');
    const setNotes = (notes: string): Promise<unknown> =>
      chart.clinic.query(`UPDATE list_options SET notes = ${notes} WHERE list_id = 'drug_route'`);
    await setNotes("REPEAT('x', 2200000)");
    try {
      const rows = await chart.read(CHILD);
      expect(rows.unreadable.length).toBeGreaterThan(0);
      for (const row of rows.unreadable) {
        expect(row).toMatchObject({ read: 'list options', recordClass: null, isEntry: false });
      }
      const after = renderChart(rows, chart.context(rows));
      const counts = (sections: RenderedSection[]): unknown =>
        sections.map(({ name, skipped, content }) => [
          name,
          skipped,
          ResourcesContent.safeParse(content).data?.resources.length,
        ]);
      expect(counts(after)).toEqual(counts(before));
    } finally {
      await setNotes("''");
      await chart.clinic.query("ALTER TABLE list_options MODIFY notes varchar(255) NOT NULL DEFAULT ''");
    }
  });

  it('fails its class when none of several rows is: that is no patient without entries', async () => {
    await chart.clinic.query('ALTER TABLE immunizations MODIFY added_erroneously varchar(10)');
    try {
      await using snapshot = await openSnapshot(chart.reader);
      const rows = await readChart(snapshot, CHILD);
      expect([...rows.failures.keys()]).toEqual(['immunizations']);
      expect(rows.failures.get('immunizations')).toBeInstanceOf(OpenEmrReadFailed);
      expect(String(rows.failures.get('immunizations'))).toMatch(/unexpected shape at added_erroneously/);
      expect(rows.immunizations).toBeUndefined();
    } finally {
      await chart.clinic.query('ALTER TABLE immunizations MODIFY added_erroneously tinyint(1) NOT NULL DEFAULT 0');
    }
  });

  it('is never the patient’s own: that row is needed whole', async () => {
    await chart.clinic.query('ALTER TABLE patient_data MODIFY providerID varchar(20)');
    try {
      await expect(chart.read(CHILD)).rejects.toThrow('reading the patient from OpenEMR failed: unexpected shape');
    } finally {
      await chart.clinic.query('ALTER TABLE patient_data MODIFY providerID int(11) NULL');
    }
  });
});

describe('a report of 20,000 values', () => {
  it('is rendered whole, stands in one section that the gateway takes, and the rest of the chart beside it', async () => {
    const before = await chart.render(WITH_EDGE_CASES);
    const [inserted] = await chart.clinic.query<ResultSetHeader>(
      `INSERT INTO procedure_result (procedure_report_id, result_code, result_text, result, units, \`range\`, result_status)
       SELECT r.procedure_report_id, '2345-7', CONCAT('Glucose ', s.seq), s.seq, 'mg/dL', '70-99', 'final'
         FROM (SELECT r.procedure_report_id FROM procedure_order o
                 JOIN procedure_report r ON r.procedure_order_id = o.procedure_order_id
                WHERE o.patient_id = ? AND o.activity = 1 ORDER BY 1 LIMIT 1) r JOIN seq_1_to_20000 s`,
      [WITH_EDGE_CASES],
    );
    expect(inserted.affectedRows).toBe(20_000);
    try {
      const after = await chart.render(WITH_EDGE_CASES);
      expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
      const changed = after.filter(
        ({ name, content }) => canonicalJson(content) !== canonicalJson(section(before, name).content),
      );
      expect(changed).toHaveLength(1);
      const { name, content } = z.tuple([z.object({ name: z.string(), content: ResourcesContent })]).parse(changed)[0];
      expect(content.resources.length - resourcesOf(before, name).length).toBe(20_000);
      const place = { site: chart.siteId, patientRef: '0'.repeat(32), sectionId: '0'.repeat(64), epoch: 1 };
      const sealed = sealSection(Buffer.alloc(32, 1), { ...place, version: { era: 1, seq: 1 } }, content);
      expect(sealed.length).toBeLessThan(LIMITS.sectionBytes / 2);
    } finally {
      await chart.clinic.query('DELETE FROM procedure_result WHERE procedure_result_id BETWEEN ? AND ?', [
        inserted.insertId,
        inserted.insertId + 30_000,
      ]);
    }
  });
});

describe('text of other alphabets and encodings', () => {
  it('is what it was where a table keeps it in another one, and well-formed whatever was stored', async () => {
    const words = async (): Promise<string> => {
      const found = JSON.stringify(resourcesOf(await chart.render(WITH_MAIL), 'notes'));
      return [...found.matchAll(/"data":"([^"]+)"/g)]
        .map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8'))
        .join('\n');
    };
    const change = (assignment: string): Promise<unknown> =>
      chart.clinic.query(
        `UPDATE form_soap s JOIN forms f ON f.form_id = s.id AND f.formdir = 'soap' SET ${assignment} WHERE f.pid = ?`,
        [WITH_MAIL],
      );
    await chart.clinic.query('ALTER TABLE form_soap MODIFY plan text CHARACTER SET latin1');
    await change("s.plan = X'636166E9', s.subjective = 'Ünïcödé \u{1F9B4}'");
    expect(await words()).toContain('caf\u00e9');
    expect(await words()).toContain('Ünïcödé \u{1F9B4}');
    // Half a character, and a byte that begins none; OpenEMR's own sql_mode lets them pass.
    await change("s.subjective = X'68616C6620F09F91', s.objective = X'62797465FF20C328'");
    expect((await words()).isWellFormed()).toBe(true);
    expect(await words()).toMatch(/half/);
    expect(await words()).toMatch(/byte/);
  });
});

describe('a prescription', () => {
  it('with an end date to come is active until then', async () => {
    await chart.clinic.query("UPDATE prescriptions SET active = 1, end_date = '2999-12-31' WHERE id = 20001");
    const [far] = resourcesOf(await chart.render(CHILD), 'medications').filter((each) =>
      JSON.stringify(each).includes('2999-12-31'),
    );
    expect(far?.['status']).toBe('active');
    const rows = await chart.read(CHILD);
    const [later] = resourcesOf(
      renderChart({ ...rows, readOn: '3000-01-01' }, chart.context(rows)),
      'medications',
    ).filter((each) => JSON.stringify(each).includes('2999-12-31'));
    expect(later?.['status']).toBe('completed');
  });
});

describe('portal mail', () => {
  const ALICE = 1;
  const mail = async (row: Record<string, string | number>): Promise<void> => {
    await chart.clinic.query('INSERT INTO onsite_mail SET ?', [
      { date: '2026-11-22 06:00:00', title: 'General', message_status: 'New', deleted: 0, is_msg_encrypted: 0, ...row },
    ]);
  };
  const threadsOf = async (pid: number): Promise<{ sections: RenderedSection[]; threads: ThreadContent[] }> => {
    const sections = await chart.render(pid);
    const threads = sections
      .filter(({ name }) => name.startsWith('messages/'))
      .map(({ content }) => ThreadContent.parse(content));
    return { sections, threads };
  };

  beforeAll(async () => {
    await chart.clinic.query(
      "INSERT INTO patient_data SET id = 1, pid = 1, fname = 'Alice', lname = 'Synthetic', sex = 'Female', DOB = '1980-01-01'",
    );
    for (const table of ['onsite_mail', 'patient_access_onsite']) {
      for (const row of readRecordedRows('screens', table)) {
        await chart.clinic.query('INSERT INTO ?? SET ?', [table, row]);
      }
    }
  });

  it('written by OpenEMR’s own screens is one thread with both sides’ words', async () => {
    const { sections, threads } = await threadsOf(ALICE);
    expect(threads).toHaveLength(1);
    expect(threads[0]?.messages.map(({ from, body, sentAt }) => [from, body, sentAt])).toEqual([
      ['patient', 'Real portal message: please call me', '2026-11-22T05:16:02.000Z'],
      ['practice', 'Staff reply: we will call at 3pm', '2026-11-22T05:16:39.000Z'],
    ]);
    expect(threads[0]?.messages[1]?.senderName).toBe('Administrator');
    expect(ThreadsContent.parse(section(sections, 'messages').content).threads[0]).toMatchObject({
      messages: 2,
      unread: 1,
      lastFrom: 'practice',
      excerpt: 'Staff reply: we will call at 3pm',
    });
  });

  it('that staff began is a thread of its own, which keeps its id when the patient answers', async () => {
    await mail({
      id: 900,
      owner: 'admin',
      sender_id: 'admin',
      recipient_id: 'Alice1',
      body: '<p>Your forms</p>',
      mail_chain: 900,
      reply_mail_chain: 900,
    });
    await mail({
      id: 901,
      owner: 'Alice1',
      sender_id: 'admin',
      recipient_id: 'Alice1',
      body: '<p>Your forms</p>',
      mail_chain: 901,
      reply_mail_chain: 900,
    });
    const began = (await threadsOf(ALICE)).threads[0];
    expect(began?.messages.map(({ from }) => from)).toEqual(['practice']);
    await mail({
      id: 902,
      date: '2026-11-22 07:00:00',
      owner: 'Alice1',
      sender_id: 'Alice1',
      recipient_id: 'admin',
      body: '<p>Thank you</p>',
      mail_chain: 901,
      reply_mail_chain: 901,
    });
    const answered = (await threadsOf(ALICE)).threads[0];
    expect(answered?.threadId).toBe(began?.threadId);
    expect(answered?.messages.map(({ from }) => from)).toEqual(['practice', 'patient']);
  });

  it('the patient removed is not shown and still holds its thread together', async () => {
    await chart.clinic.query("UPDATE onsite_mail SET deleted = 1, message_status = 'Delete' WHERE id = 901");
    const { threads } = await threadsOf(ALICE);
    const thread = threads.find(({ messages }) => messages.some(({ body }) => body === 'Thank you'));
    expect(thread?.messages).toHaveLength(1);
    expect(JSON.stringify(threads)).not.toContain('Your forms');
  });

  it('is text, whatever markup it was written in', async () => {
    await mail({
      id: 910,
      owner: 'Alice1',
      sender_id: 'admin',
      recipient_id: 'Alice1',
      date: '2026-11-22 09:00:00',
      body: '<p onclick="x()">A<script>steal()</script><br>B &lt;3</p>',
      mail_chain: 910,
      reply_mail_chain: 909,
    });
    const { threads } = await threadsOf(ALICE);
    expect(threads[0]?.messages.at(-1)?.body).toBe('A\nB <3');
  });

  it('that OpenEMR encrypted is announced, not shown as code', async () => {
    await mail({
      id: 920,
      owner: 'Alice1',
      sender_id: 'admin',
      recipient_id: 'Alice1',
      date: '2026-11-22 10:00:00',
      body: '006AbCdEf==',
      is_msg_encrypted: 1,
      mail_chain: 920,
      reply_mail_chain: 919,
    });
    expect((await threadsOf(ALICE)).threads[0]?.messages[0]?.body).toMatch(/^This message is encrypted/);
  });

  it('of a patient whose portal name differs only in case stays that patient’s', async () => {
    await mail({
      id: 930,
      owner: 'ALICE1',
      sender_id: 'admin',
      recipient_id: 'ALICE1',
      body: '<p>for another</p>',
      mail_chain: 930,
      reply_mail_chain: 929,
    });
    expect(JSON.stringify((await threadsOf(ALICE)).threads)).not.toContain('for another');
  });

  it.each([
    ['another patient', "portal_username = 'Alice1'", 'patient_access_onsite', 'pid = 5005'],
    ['another patient, but for the case,', "portal_username = 'ALICE1'", 'patient_access_onsite', 'pid = 5005'],
    ['a member of staff', "username = 'Alice1'", 'users', 'id = 103'],
  ])('are nobody’s while %s has the same name: the read fails, it never mixes', async (_, set, table, where) => {
    const column = set.split(' ')[0] ?? '';
    const [rows] = await chart.clinic.query<RowDataPacket[]>(`SELECT ${column} AS was FROM ${table} WHERE ${where}`);
    expect(rows).toHaveLength(1);
    await chart.clinic.query(`UPDATE ${table} SET ${set} WHERE ${where}`);
    try {
      await expect(threadsOf(ALICE)).rejects.toMatchObject({
        code: 'portal-name-shared',
        message: expect.not.stringContaining('Alice'),
      });
    } finally {
      await chart.clinic.query(`UPDATE ${table} SET ${column} = ? WHERE ${where}`, [rows[0]?.['was']]);
    }
    expect((await threadsOf(ALICE)).threads).not.toEqual([]);
  });

  it('with an unreadable date is counted, and shown with the time of the mail before it', async () => {
    await mail({
      id: 940,
      owner: 'Alice1',
      sender_id: 'admin',
      recipient_id: 'Alice1',
      body: '<p>when?</p>',
      date: '0000-00-00 00:00:00',
      mail_chain: 940,
      reply_mail_chain: 939,
    });
    const { sections, threads } = await threadsOf(ALICE);
    expect(section(sections, 'messages').skipped).toBe(1);
    const shown = threads.flatMap(({ messages }) => messages).find(({ body }) => body === 'when?');
    expect(shown?.sentAt).toMatch(/^20\d\d-/);
  });

  it('stand in the order they were written, also over the hour that a clock repeats', async () => {
    const both = {
      owner: 'Alice1',
      sender_id: 'admin',
      recipient_id: 'Alice1',
      mail_chain: 950,
      reply_mail_chain: 949,
    };
    await mail({ ...both, id: 950, body: '<p>first</p>', date: '2025-11-02 01:50:00' });
    await mail({ ...both, id: 951, body: '<p>second</p>', date: '2025-11-02 01:10:00' });
    const { threads } = await threadsOf(ALICE);
    const thread = threads.find(({ messages }) => messages.some(({ body }) => body === 'second'));
    expect(thread?.messages.map(({ body }) => body)).toEqual(['first', 'second']);
  });
});
