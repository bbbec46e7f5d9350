import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResultSetHeader } from 'mysql2/promise';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { ResourcesContent, type Resource } from 'sync-contract/section-content';
import { renderChart, type RenderedSection } from '../src/chart/render-chart.js';
import { ResourceIds } from '../src/chart/resource-id.js';
import type { ReadableClass } from '../src/openemr/read-chart.js';
import { ChartUnderTest } from './chart-under-test.js';

/** Recorded patients: one whose problems are linked to visits, and another. */
const PID = 5008;
const OTHER = 5009;
const EMPTY = 5999;
const MARK = 'Under test';

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart_lists');
  await loadGoldenRows(chart.clinic);
  await chart.clinic.query("INSERT INTO patient_data SET id = ?, pid = ?, fname = 'No', lname = 'Entries'", [
    EMPTY,
    EMPTY,
  ]);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await chart.clinic.query('DELETE FROM lists WHERE title LIKE ?', [`${MARK}%`]);
  await chart.clinic.query("UPDATE globals SET gl_value = 'America/New_York' WHERE gl_name = 'gbl_time_zone'");
});

async function sectionOf(recordClass: ReadableClass, pid = PID, readOn = '2026-11-22'): Promise<RenderedSection> {
  const rows = { ...(await chart.read(pid, [recordClass])), readOn };
  const found = renderChart(rows, chart.context(rows)).find(({ name }) => name === recordClass);
  if (found === undefined) {
    throw new Error(`there is no section ${recordClass}`);
  }
  return found;
}
const resourcesOf = ({ content }: RenderedSection): Resource[] => ResourcesContent.parse(content).resources;
const entriesOf = async (recordClass: ReadableClass, type: string, pid = PID): Promise<Resource[]> =>
  resourcesOf(await sectionOf(recordClass, pid)).filter(({ resourceType }) => resourceType === type);

/** Adds an entry to the issue list and answers what it became. */
async function issue(
  type: string,
  row: Record<string, string | number | null>,
  pid = PID,
): Promise<{ id: number; title: string }> {
  const title = `${MARK} ${type}`;
  const [{ insertId }] = await chart.clinic.query<ResultSetHeader>('INSERT INTO lists SET ?', [
    { pid, type, title, activity: 1, user: 'drgreene', ...row },
  ]);
  return { id: insertId, title };
}
const SECTIONS = {
  medical_problem: ['problems', 'Condition'],
  health_concern: ['problems', 'Condition'],
  allergy: ['allergies', 'AllergyIntolerance'],
  surgery: ['procedures', 'Procedure'],
  medical_device: ['devices', 'Device'],
} as const;
type IssueType = keyof typeof SECTIONS;
const ISSUE_TYPES = Object.keys(SECTIONS) as IssueType[];

async function rendered(type: IssueType, row: Record<string, string | number | null>): Promise<Resource | undefined> {
  await issue(type, row);
  const [recordClass, resourceType] = SECTIONS[type];
  return (await entriesOf(recordClass, resourceType)).find((each) => JSON.stringify(each).includes(MARK));
}

describe.each(ISSUE_TYPES)('an entry %s of the issue list', (type) => {
  const [recordClass, resourceType] = SECTIONS[type];

  it('is kept as it was written, whatever was written', async () => {
    const hostile = `${MARK} <script>alert(1)</script> \u{1F9EC} ${'x'.repeat(100)}`;
    const found = await rendered(type, {
      ...{ title: hostile, begdate: '0000-00-00 00:00:00', enddate: '2026-02-31 00:00:00', date: null },
      ...{ diagnosis: 'HOMEMADE:7;;ICD10:', comments: null, user: 'nobody-of-this-name', activity: null },
    });
    expect(JSON.stringify(found)).toContain(JSON.stringify(hostile).slice(1, -1));
    expect(JSON.stringify(found)).toContain('"code":"HOMEMADE:7"');
    expect(JSON.stringify(found)).not.toMatch(/0000-00|02-31|null|undefined/);
  });

  it('in which nothing can be read is counted and stops nothing', async () => {
    const before = await entriesOf(recordClass, resourceType);
    const { id } = await issue(type, { title: '  ', diagnosis: null });
    try {
      const section = await sectionOf(recordClass);
      expect(section.skipped).toBe(1);
      expect(ResourcesContent.parse(section.content).skipped).toBe(1);
      expect(await entriesOf(recordClass, resourceType)).toEqual(before);
    } finally {
      await chart.clinic.query('DELETE FROM lists WHERE id = ?', [id]);
    }
  });

  it('stands in its own patient’s chart and class alone, and is gone when it is deleted', async () => {
    const { id } = await issue(type, {});
    for (const [other, otherType] of Object.values(SECTIONS)) {
      const here = JSON.stringify(await entriesOf(other, otherType)).includes(MARK);
      expect([other, here]).toEqual([other, other === recordClass]);
      expect(JSON.stringify(await entriesOf(other, otherType, OTHER))).not.toContain(MARK);
    }
    await chart.clinic.query('DELETE FROM lists WHERE id = ?', [id]);
    expect(JSON.stringify(await entriesOf(recordClass, resourceType))).not.toContain(MARK);
  });

  it('has the offset of its own day', async () => {
    await issue(type, { date: '2026-03-08 12:00:00', begdate: '2026-03-07 12:00:00' });
    const text = JSON.stringify(resourcesOf(await sectionOf(recordClass)));
    expect(text).toContain('2026-03-07T12:00:00-05:00');
    // A procedure has no time of recording.
    expect(text.includes('2026-03-08T12:00:00-04:00')).toBe(type !== 'surgery');
  });

  it('of a chart without any is an empty list, and no absence of a list', async () => {
    expect(resourcesOf(await sectionOf(recordClass, EMPTY))).toEqual([]);
  });
});

describe('a problem', () => {
  const statusOf = (found: Resource | undefined): unknown => found?.['clinicalStatus'];
  const status = (code: string): unknown => ({ coding: [expect.objectContaining({ code })] });

  it.each([
    ['active', {}],
    ['active', { enddate: '2999-01-01 00:00:00' }],
    ['active', { occurrence: 4 }],
    ['active', { activity: null }],
    ['recurrence', { occurrence: 7 }],
    ['inactive', { enddate: '2020-01-01 00:00:00' }],
    ['inactive', { activity: 0 }],
    ['resolved', { enddate: '2020-01-01 00:00:00', outcome: 1 }],
    ['resolved', { outcome: 1 }],
  ])('is %s when its row says %j', async (code, row) => {
    expect(statusOf(await rendered('medical_problem', row))).toEqual(status(code));
  });

  it('keeps every code, with the systems of the codes', async () => {
    const found = await rendered('medical_problem', { diagnosis: 'SNOMED-CT:44054006;ICD10:E11.9' });
    expect(found?.['code']).toEqual({
      coding: [
        { system: 'http://snomed.info/sct', code: '44054006' },
        { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'E11.9' },
      ],
      text: `${MARK} medical_problem`,
    });
  });

  it('made in error says so and claims no clinical status', async () => {
    const found = await rendered('medical_problem', { verification: 'entered-in-error' });
    expect(found?.['verificationStatus']).toMatchObject({ coding: [{ code: 'entered-in-error' }] });
    expect(found).not.toHaveProperty('clinicalStatus');
  });

  it('with a verification that the practice made up shows its word, without any claims none', async () => {
    expect((await rendered('medical_problem', { verification: 'hearsay' }))?.['verificationStatus']).toEqual({
      text: 'hearsay',
    });
    await chart.clinic.query('DELETE FROM lists WHERE title LIKE ?', [`${MARK}%`]);
    expect(await rendered('medical_problem', {})).not.toHaveProperty('verificationStatus');
  });

  it('stays one entry of the list when it is linked to visits, and names the first', async () => {
    const { id } = await issue('medical_problem', {});
    const before = await entriesOf('problems', 'Condition');
    for (const encounter of [20144, 20150]) {
      await chart.clinic.query('INSERT INTO issue_encounter SET pid = ?, list_id = ?, encounter = ?, resolved = 0', [
        PID,
        id,
        encounter,
      ]);
    }
    const after = await entriesOf('problems', 'Condition');
    expect(after.map((each) => each.id)).toEqual(before.map((each) => each.id));
    const linked = after.find((each) => JSON.stringify(each).includes(MARK));
    const codes = JSON.stringify(linked?.['category']);
    expect(codes).toContain('problem-list-item');
    expect(codes).toContain('encounter-diagnosis');
    expect(linked?.['encounter']).toEqual(new ResourceIds(chart.resourceIdKey).encounter(20144));
    await chart.clinic.query('DELETE FROM issue_encounter WHERE list_id = ?', [id]);
  });

  it('takes no visit from a link that belongs to another patient', async () => {
    const { id } = await issue('medical_problem', {});
    await chart.clinic.query('INSERT INTO issue_encounter SET pid = ?, list_id = ?, encounter = 20161, resolved = 0', [
      OTHER,
      id,
    ]);
    const found = (await entriesOf('problems', 'Condition')).find((each) => JSON.stringify(each).includes(MARK));
    expect(found).not.toHaveProperty('encounter');
    expect(JSON.stringify(await entriesOf('problems', 'Condition', OTHER))).not.toContain(MARK);
    await chart.clinic.query('DELETE FROM issue_encounter WHERE list_id = ?', [id]);
  });
});

describe('an allergy', () => {
  it('shows reaction, severity in both words, and what it was to', async () => {
    const found = await rendered('allergy', {
      ...{ diagnosis: 'RXCUI:7984', reaction: 'hives', severity_al: 'life_threatening_severity' },
      verification: 'confirmed',
    });
    expect(found).toMatchObject({
      category: ['medication'],
      criticality: 'high',
      reaction: [
        {
          manifestation: [{ coding: [{ code: '247472004' }], text: 'Hives' }],
          description: 'Life threatening severity',
          severity: 'severe',
        },
      ],
      verificationStatus: { coding: [{ code: 'confirmed' }] },
    });
  });

  it('keeps a reaction and a severity that no list knows as words, without a claim of FHIR’s', async () => {
    const found = await rendered('allergy', { reaction: 'turned green', severity_al: 'so so' });
    expect(found?.['reaction']).toEqual([{ manifestation: [{ text: 'turned green' }], description: 'so so' }]);
    expect(found).not.toHaveProperty('criticality');
  });

  it('keeps a severity without a reaction, and shows no reaction when neither is known', async () => {
    expect((await rendered('allergy', { reaction: 'unassigned', severity_al: 'mild' }))?.['reaction']).toMatchObject([
      { manifestation: [{ text: 'Reaction not recorded' }], severity: 'mild' },
    ]);
    await chart.clinic.query('DELETE FROM lists WHERE title LIKE ?', [`${MARK}%`]);
    expect(await rendered('allergy', { reaction: '', severity_al: 'unassigned' })).not.toHaveProperty('reaction');
  });

  it.each([
    ['active', {}],
    ['inactive', { activity: 0 }],
    ['inactive', { enddate: '2020-01-01 00:00:00' }],
    ['resolved', { enddate: '2020-01-01 00:00:00', outcome: 1 }],
  ])('is %s when its row says %j', async (code, row) => {
    expect((await rendered('allergy', row))?.['clinicalStatus']).toMatchObject({ coding: [{ code }] });
  });
});

describe('an implanted device', () => {
  it('keeps its identifier as printed when what was looked up cannot be read', async () => {
    const found = await rendered('medical_device', { udi: '(01)00643169007222', udi_data: '{"standard_elements": [' });
    expect(found?.['udiCarrier']).toEqual([{ carrierHRF: '(01)00643169007222' }]);
  });

  it('says since when the patient has it', async () => {
    const device = await rendered('medical_device', { begdate: '2019-02-02 00:00:00' });
    const uses = await entriesOf('devices', 'DeviceUseStatement');
    const use = uses.find((each) => JSON.stringify(each['device']).includes(String(device?.id)));
    expect(use).toMatchObject({ status: 'active', timingPeriod: { start: '2019-02-02' } });
  });
});

describe('a surgery', () => {
  it.each([
    ['completed', '2026-11-22 08:00:00'],
    ['preparation', '2026-11-23 08:00:00'],
  ])('is %s on the day of reading when it is dated %s', async (expected, begdate) => {
    expect((await rendered('surgery', { begdate }))?.['status']).toBe(expected);
  });
});

describe('an ordered procedure', () => {
  const ORDER = 909_001;
  const order = async (set: string, line: string): Promise<Resource | undefined> => {
    await chart.clinic.query('DELETE FROM procedure_order WHERE procedure_order_id = ?', [ORDER]);
    await chart.clinic.query('DELETE FROM procedure_order_code WHERE procedure_order_id = ?', [ORDER]);
    await chart.clinic.query(
      `INSERT INTO procedure_order SET procedure_order_id = ${String(ORDER)}, patient_id = ${String(PID)}, provider_id = 101,
              encounter_id = 20156, date_collected = '2026-07-01 10:00:00', history_order = '0', ${set}`,
    );
    await chart.clinic.query(
      `INSERT INTO procedure_order_code SET procedure_order_id = ${String(ORDER)}, procedure_order_seq = 1,
              procedure_code = 'CPT4:93000', procedure_name = '${MARK} ECG', ${line}`,
    );
    return (await entriesOf('procedures', 'Procedure')).find((each) => JSON.stringify(each).includes(MARK));
  };

  it.each([
    ['completed', 'complete'],
    ['preparation', 'pending'],
    ['not-done', 'canceled'],
    ['unknown', 'lost in the post'],
  ])('is %s when its order is "%s"', async (expected, status) => {
    const found = await order(`order_status = '${status}'`, "procedure_type = 'procedure'");
    expect(found).toMatchObject({ status: expected, code: { coding: [{ code: '93000' }], text: `${MARK} ECG` } });
    expect(found?.['performedDateTime']).toBe(expected === 'completed' ? '2026-07-01T10:00:00-04:00' : undefined);
  });

  it('that is a laboratory test, or that the practice deleted, is none', async () => {
    expect(await order("order_status = 'complete'", "procedure_type = 'laboratory_test'")).toBeUndefined();
    expect(await order("order_status = 'complete', activity = 0", "procedure_type = 'procedure'")).toBeUndefined();
  });
});

describe('an immunization', () => {
  const given = async (row: Record<string, string | number | null>): Promise<Resource | undefined> => {
    await chart.clinic.query("DELETE FROM immunizations WHERE note = 'under test'");
    await chart.clinic.query('INSERT INTO immunizations SET ?', [
      { patient_id: PID, note: 'under test', cvx_code: '140', administered_date: '2026-07-01 10:00:00', ...row },
    ]);
    return (await entriesOf('immunizations', 'Immunization')).find((each) =>
      JSON.stringify(each).includes('under test'),
    );
  };

  it('keeps dose, route, site, maker, lot, expiry, and what the patient was told', async () => {
    const found = await given({
      ...{ amount_administered: 0.5, amount_administered_unit: 'mL', route: 'intramuscular', lot_number: 'L7' },
      ...{ administration_site: 'left_deltoid', manufacturer: 'MSD', expiration_date: '2027-06-30' },
      ...{ education_date: '2026-07-01', vis_date: '2021-08-06', completion_status: 'Completed' },
      ...{ information_source: 'new_immunization_record', administered_by_id: 101 },
    });
    expect(found).toMatchObject({
      status: 'completed',
      primarySource: true,
      occurrenceDateTime: '2026-07-01T10:00:00-04:00',
      doseQuantity: { value: 0.5, unit: 'mL' },
      route: { text: 'Intramuscular' },
      site: { text: 'Left Deltoid' },
      manufacturer: { display: 'Merck and Co., Inc.' },
      lotNumber: 'L7',
      expirationDate: '2027-06-30',
      education: [{ publicationDate: '2021-08-06', presentationDate: '2026-07-01' }],
    });
  });

  it.each([
    ['entered-in-error', { added_erroneously: 1, completion_status: 'Completed' }],
    ['completed', { completion_status: 'Completed' }],
    ['completed', { completion_status: 'Partially_Administered' }],
    ['completed', { completion_status: '' }],
    ['completed', { completion_status: null }],
    ['not-done', { completion_status: 'Refused' }],
    ['not-done', { completion_status: 'Not_Administered' }],
    ['not-done', { completion_status: '', refusal_reason: 'patient_decision' }],
    ['not-done', { completion_status: 'perhaps' }],
  ])('is %s when its row says %j', async (status, row) => {
    expect((await given(row))?.['status']).toBe(status);
  });

  it('shows the practice’s words for what no list knows, and never a date that no calendar has', async () => {
    const found = await given({
      ...{
        cvx_code: '99999',
        administered_date: '0000-00-00 00:00:00',
        expiration_date: '0000-00-00',
        route: 'licked',
      },
      ...{ manufacturer: 'Kitchen', information_source: 'a dream', administration_site: 'left ear' },
      ...{ completion_status: 'perhaps', amount_administered: 2, amount_administered_unit: 'drops' },
    });
    expect(found).toMatchObject({
      vaccineCode: { text: 'CVX 99999' },
      occurrenceString: 'Date not recorded',
      route: { text: 'licked' },
      site: { text: 'left ear' },
      manufacturer: { display: 'Kitchen' },
      reportOrigin: { text: 'a dream' },
      statusReason: { text: 'perhaps' },
      doseQuantity: { value: 2, unit: 'drops' },
    });
    expect(JSON.stringify(found)).not.toContain('0000');
  });

  it('without any vaccine is counted and not shown', async () => {
    expect(await given({ cvx_code: '', immunization_id: 0 })).toBeUndefined();
    expect((await sectionOf('immunizations')).skipped).toBe(1);
  });
});

describe('the social history', () => {
  const history = async (row: Record<string, string | number | null>): Promise<Resource[]> => {
    await chart.clinic.query('INSERT INTO history_data SET ?', [{ pid: EMPTY, date: '2026-07-01 10:00:00', ...row }]);
    return entriesOf('social-history', 'Observation', EMPTY);
  };
  const named = (found: Resource[], text: string): Resource | undefined =>
    found.find(({ code }) => JSON.stringify(code).includes(text));

  it('is what was saved last, and says no more than that', async () => {
    await history({ alcohol: '2 glasses|currentalcohol|' });
    const found = await history({ tobacco: 'quit|quittobacco|2015-05-05|3|12', created_by: 101 });
    expect(named(found, 'Alcohol')).toBeUndefined();
    expect(named(found, '72166-2')).toMatchObject({
      valueCodeableConcept: {
        coding: [{ system: 'http://snomed.info/sct', code: '8517006', display: 'Former smoker' }],
        text: 'Former smoker',
      },
      effectiveDateTime: '2026-07-01T10:00:00-04:00',
      note: [{ text: 'quit' }, { text: 'Quit on 2015-05-05' }],
    });
    expect(named(found, '401201003')).toMatchObject({ valueQuantity: { value: 12 } });
    expect(await entriesOf('social-history', 'Observation', PID)).not.toEqual(found);
  });

  it('keeps what nobody knows as it was written', async () => {
    const found = await history({
      ...{ date: '0000-00-00 00:00:00', tobacco: '<b>pipe</b>|sometimes|0000-00-00|77|a few', created_by: 4_711 },
      ...{ sleep_patterns: '7 hours \u{1F634}', coffee: '||', exercise_patterns: 'walks|currentexercise|2026-02-31' },
    });
    expect(named(found, '72166-2')).toMatchObject({
      valueCodeableConcept: { text: '77' },
      note: [{ text: '<b>pipe</b>' }],
    });
    expect(named(found, '401201003')).toBeUndefined();
    expect(named(found, 'Sleep')).toMatchObject({ valueCodeableConcept: { text: '7 hours \u{1F634}' } });
    expect(named(found, 'Exercise')).toMatchObject({
      valueCodeableConcept: { text: 'Current' },
      note: [{ text: 'walks' }],
    });
    expect(named(found, 'Coffee')).toBeUndefined();
    expect(JSON.stringify(found)).not.toMatch(/0000|02-31/);
  });
});
