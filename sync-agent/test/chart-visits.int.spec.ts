import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResultSetHeader } from 'mysql2/promise';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { ResourcesContent, YearsContent, type Resource } from 'sync-contract/section-content';
import type { RenderedSection } from '../src/chart/render-chart.js';
import { ChartUnderTest } from './chart-under-test.js';

const PID = 5001;
const OTHER = 5002;
/** Beyond every recorded date, so that what a test writes comes first. */
const LATE = '2030-01-01 10:00:00';

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart_visits');
  await loadGoldenRows(chart.clinic);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});

const insert = async (table: string, row: Record<string, unknown>): Promise<number> => {
  const [{ insertId }] = await chart.clinic.query<ResultSetHeader>('INSERT INTO ?? SET ?', [table, row]);
  return insertId;
};
const form = (formdir: string, form_id: number, given: Record<string, unknown> = {}): Promise<number> =>
  insert('forms', { formdir, form_id, form_name: formdir, pid: PID, encounter: 20_001, deleted: 0, ...given });

const find = (sections: RenderedSection[], name: string): RenderedSection | undefined =>
  sections.find((each) => each.name === name);
const listOf = (sections: RenderedSection[], name: string): Resource[] =>
  ResourcesContent.parse(find(sections, name)?.content).resources;
const ofType = (resources: Resource[], type: string): Resource[] =>
  resources.filter(({ resourceType }) => resourceType === type);

describe('vital signs', () => {
  const vitals = async (given: Record<string, unknown>): Promise<number> => {
    const id = await insert('form_vitals', { pid: PID, user: 'drgreene', date: LATE, activity: 1, ...given });
    await form('vitals', id);
    return id;
  };
  const yearOf = async (year: number | 'undated', pid = PID): Promise<Resource[]> => {
    const sections = await chart.render(pid);
    const name = `vitals/${String(year)}`;
    return find(sections, name) === undefined ? [] : ofType(listOf(sections, name), 'Observation');
  };
  const coded = (resources: Resource[], loinc: string): Resource | undefined =>
    resources.find((each) => JSON.stringify(each['code']).includes(`"${loinc}"`));

  it('that were not measured are not shown, and the panel names the others alone', async () => {
    await vitals({ bps: '128', bpd: '82', weight: '150.250000', note: 'after <b>running</b> 🏃' });
    const shown = await yearOf(2030);
    expect(shown.map((each) => JSON.stringify(each['code']).match(/"(\d+-\d)"/)?.[1])).toEqual([
      '85353-1',
      '85354-9',
      '29463-7',
    ]);
    expect(shown[0]).toMatchObject({
      note: [{ text: 'after <b>running</b> 🏃' }],
      hasMember: [
        { reference: `Observation/${String(shown[1]?.id)}` },
        { reference: `Observation/${String(shown[2]?.id)}` },
      ],
      performer: [{ display: 'Hannah M Greene, MD' }],
    });
    expect(shown[1]?.['component']).toMatchObject([
      { code: { coding: [{ code: '8480-6' }] }, valueQuantity: { value: 128, code: 'mm[Hg]' } },
      { code: { coding: [{ code: '8462-4' }] }, valueQuantity: { value: 82, code: 'mm[Hg]' } },
    ]);
    expect(shown[2]?.['valueQuantity']).toMatchObject({ value: 150.25, unit: 'lb', code: '[lb_av]' });
  });

  it('stand in the year of the clinic’s clock, and under "undated" without a time', async () => {
    await vitals({ date: '2029-12-31 23:30:00', pulse: '70' });
    await vitals({ date: '0000-00-00 00:00:00', pulse: '71' });
    await vitals({ date: null, pulse: '72' });
    await chart.clinic.query("UPDATE globals SET gl_value = 'America/New_York' WHERE gl_name = 'gbl_time_zone'");
    const sections = await chart.render(PID);
    await chart.clinic.query("UPDATE globals SET gl_value = 'UTC' WHERE gl_name = 'gbl_time_zone'");
    const { years } = YearsContent.parse(find(sections, 'vitals')?.content);
    expect(years.slice(0, 2)).toEqual([
      { section: 'vitals/2030', year: 2030, count: 1, newest: '2030-01-01T10:00:00-05:00' },
      { section: 'vitals/2029', year: 2029, count: 1, newest: '2029-12-31T23:30:00-05:00' },
    ]);
    expect(years.at(-1)).toEqual({ section: 'vitals/undated', year: 'undated', count: 2, newest: null });
  });

  it('on the day the clocks change carry the offset of their own hour', async () => {
    await vitals({ date: '2031-03-09 01:30:00', pulse: '70' });
    await vitals({ date: '2031-03-09 03:30:00', pulse: '71' });
    await chart.clinic.query("UPDATE globals SET gl_value = 'America/New_York' WHERE gl_name = 'gbl_time_zone'");
    const shown = await yearOf(2031);
    await chart.clinic.query("UPDATE globals SET gl_value = 'UTC' WHERE gl_name = 'gbl_time_zone'");
    expect([...new Set(shown.map((each) => each['effectiveDateTime']))]).toEqual([
      '2031-03-09T03:30:00-04:00',
      '2031-03-09T01:30:00-05:00',
    ]);
  });

  it('in words stay words; a judgement that no list knows is text', async () => {
    const id = await vitals({
      date: '2032-01-01 10:00:00',
      bps: 'refused',
      bpd: '80',
      oxygen_flow_rate: '2',
      BMI: '31',
      BMI_status: 'Obese',
    });
    for (const [vitals_column, option, codes, title] of [
      ['bpd', 'H', 'H', 'High'],
      ['BMI', 'odd', '', 'Quite odd'],
      ['no_such_column', 'H', 'H', 'High'],
    ]) {
      await insert('form_vital_details', {
        ...{ form_id: id, vitals_column, interpretation_option_id: option, interpretation_codes: codes },
        ...{ interpretation_title: title, reason_description: 'asked <script>twice</script>' },
      });
    }
    const shown = await yearOf(2032);
    expect(coded(shown, '85354-9')?.['component']).toMatchObject([
      { valueString: 'refused' },
      { valueQuantity: { value: 80 }, interpretation: [{ coding: [{ code: 'H', display: 'High' }] }] },
    ]);
    expect(coded(shown, '39156-5')).toMatchObject({
      interpretation: [{ text: 'Quite odd' }, { text: 'Obese' }],
      note: [{ text: 'asked <script>twice</script>' }],
    });
    expect(coded(shown, '59408-5')).toMatchObject({
      dataAbsentReason: { coding: [{ code: 'unknown' }] },
      component: [{ code: { coding: [{ code: '3151-8' }] }, valueQuantity: { value: 2 } }],
    });
  });

  it('of a form that was deleted, that stands twice or that is another patient’s never mislead', async () => {
    const date = '2033-01-01 10:00:00';
    await chart.clinic.query('UPDATE forms SET deleted = 1 WHERE formdir = ? AND form_id = ?', [
      'vitals',
      await vitals({ date, pulse: '50' }),
    ]);
    const twice = await vitals({ date, pulse: '51' });
    await form('vitals', twice);
    const strange = await insert('form_vitals', { pid: OTHER, date, pulse: '52' });
    await form('vitals', strange);
    await insert('form_vitals', { pid: PID, date, pulse: '53' });
    await vitals({ date });
    const shown = await yearOf(2033);
    expect(shown.map((each) => each['valueQuantity'])).toEqual([undefined, expect.objectContaining({ value: 51 })]);
    expect(await yearOf(2033, OTHER)).toEqual([]);
  });
});

describe('encounters', () => {
  let number = 900_000;
  const visit = async (given: Record<string, unknown>): Promise<number> => {
    number += 1;
    await insert('form_encounter', {
      pid: PID,
      encounter: number,
      date: LATE,
      reason: 'a visit',
      pc_catid: 0,
      ...given,
    });
    return number;
  };
  const visits = async (): Promise<{ resources: Resource[]; encounters: Resource[]; skipped: number }> => {
    const sections = await chart.render(PID);
    const resources = listOf(sections, 'encounters');
    const { skipped = 0 } = find(sections, 'encounters') ?? {};
    return { resources, encounters: ofType(resources, 'Encounter'), skipped };
  };

  it('say when, where, by whom and why, whatever the options are', async () => {
    await visit({
      ...{ date_end: '2030-01-03 12:00:00', facility_id: 14, provider_id: 102, supervisor_id: 101, class_code: 'IMP' },
      ...{ referring_provider_id: 999_999, reason: 'Pain <script>x()</script> 🦴', sensitivity: 'high' },
      ...{ discharge_disposition: 'home-hospice', encounter_type_code: 'no-such-type' },
      ...{ encounter_type_description: 'A type of its own', pc_catid: 13 },
    });
    const { resources, encounters } = await visits();
    const organization = ofType(resources, 'Organization').find(
      ({ name }) => name === 'Riverbend North Annex (synthetic)',
    );
    const location = ofType(resources, 'Location').find(({ name }) => name === 'Riverbend North Annex (synthetic)');
    expect(encounters[0]).toMatchObject({
      meta: { security: [{ code: 'R' }] },
      class: { code: 'IMP', display: 'inpatient encounter' },
      type: [{ text: 'A type of its own' }, { text: 'Preventive Care Services' }],
      period: { start: '2030-01-01T10:00:00+00:00', end: '2030-01-03T12:00:00+00:00' },
      participant: [{ type: [{ coding: [{ code: 'PPRF' }] }] }, { type: [{ coding: [{ code: 'ATND' }] }] }],
      reasonCode: [{ text: 'Pain <script>x()</script> 🦴' }],
      hospitalization: {
        dischargeDisposition: { coding: [{ code: '428361000124107' }], text: 'Discharge to home for hospice care' },
      },
      location: [{ location: { reference: `Location/${String(location?.id)}` } }],
      serviceProvider: { reference: `Organization/${String(organization?.id)}` },
    });
    expect(location).toMatchObject({
      address: { line: ['22 Annex Road'], city: 'Holyoke' },
      managingOrganization: { reference: `Organization/${String(organization?.id)}` },
    });
  });

  it('name the problems that were linked to them, each once, of this patient and no other', async () => {
    const problem = (given: Record<string, unknown>): Promise<number> =>
      insert('lists', { pid: PID, type: 'medical_problem', title: 'Sore throat', ...given });
    const [first, second, allergy, foreign] = [
      await problem({}),
      await problem({ type: 'health_concern' }),
      await problem({ type: 'allergy' }),
      await problem({ pid: OTHER }),
    ];
    const linked = await visit({ reason: 'with diagnoses' });
    for (const list_id of [first, second, allergy, foreign]) {
      await insert('issue_encounter', { pid: PID, encounter: linked, list_id });
    }
    const { encounters } = await visits();
    const sections = await chart.render(PID);
    const ids = ofType(listOf(sections, 'problems'), 'Condition').map(({ id }) => `Condition/${id}`);
    const found = encounters.find(({ reasonCode }) => JSON.stringify(reasonCode).includes('with diagnoses'));
    const diagnosis = found?.['diagnosis'] as { condition: { reference: string } }[];
    expect(diagnosis).toHaveLength(2);
    for (const { condition } of diagnosis) {
      expect(Object.keys(condition)).toEqual(['reference', 'type']);
      expect(ids).toContain(condition.reference);
    }
  });

  it('keep the name of a place that is no facility, and codes that no list has', async () => {
    await visit({
      facility_id: 4711,
      facility: 'An older site',
      class_code: 'ODD',
      discharge_disposition: 'odd',
      pc_catid: 4711,
    });
    const [first] = (await visits()).encounters;
    expect(first).toMatchObject({
      class: { code: 'ODD', display: 'ODD' },
      hospitalization: { dischargeDisposition: { text: 'odd' } },
      location: [{ location: { display: 'An older site' } }],
    });
    expect(first).not.toHaveProperty('serviceProvider');
    expect(first).not.toHaveProperty('type');
  });

  it('without a date come last; rows that say nothing are counted; a number stands for one visit', async () => {
    const before = await visits();
    await visit({ date: '0000-00-00 00:00:00', reason: 'undated' });
    await visit({ date: null, reason: '' });
    await insert('form_encounter', { pid: PID, encounter: 0, date: LATE, reason: 'without a number' });
    await insert('form_encounter', { pid: PID, encounter: number - 1, date: LATE, reason: 'the same number' });
    const { encounters, skipped } = await visits();
    expect(skipped).toBe(before.skipped + 2);
    expect(encounters).toHaveLength(before.encounters.length + 1);
    expect(encounters.at(-1)).toMatchObject({ reasonCode: [{ text: 'undated' }] });
    expect(encounters.at(-1)).not.toHaveProperty('period');
  });

  it('whose form was deleted are hidden, as in OpenEMR’s own list', async () => {
    const before = (await visits()).encounters.length;
    const hidden = await visit({ reason: 'entered for the wrong patient' });
    await form('newpatient', 1, { encounter: hidden, deleted: 1 });
    const { encounters } = await visits();
    expect(encounters).toHaveLength(before);
    expect(JSON.stringify(encounters)).not.toContain('wrong patient');
  });
});
