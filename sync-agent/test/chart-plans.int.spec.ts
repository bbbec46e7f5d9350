import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import type { RecordClass } from 'sync-contract/classes';
import { ResourcesContent, type Resource } from 'sync-contract/section-content';
import { renderChart } from '../src/chart/render-chart.js';
import { ChartUnderTest } from './chart-under-test.js';

const CHILD = 5001;
const OTHER = 5002;
const READ_ON = '2026-11-22';
const SCRIPT = '<script>alert(1)</script>';
const FOUR_BYTES = 'Grüße 🩺𝔘';

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart_plans');
  await loadGoldenRows(chart.clinic);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});
const setZone = (zone: string): Promise<unknown> =>
  chart.clinic.query("UPDATE globals SET gl_value = ? WHERE gl_name = 'gbl_time_zone'", [zone]);
beforeEach(async () => {
  await setZone('UTC');
});

async function contentOf(recordClass: RecordClass, pid = CHILD): Promise<ResourcesContent> {
  const rows = await chart.read(pid, [recordClass]);
  const sections = renderChart({ ...rows, readOn: READ_ON }, chart.context(rows));
  return ResourcesContent.parse(sections.find(({ name }) => name === recordClass)?.content);
}
const ofType = (content: ResourcesContent, type: string): Resource[] =>
  content.resources.filter(({ resourceType }) => resourceType === type);

describe('appointments', () => {
  let nextEid = 50_000;
  const add = async (columns: Record<string, string | number | null>): Promise<void> => {
    const row = {
      ...{ pc_eid: (nextEid += 1), pc_pid: String(CHILD), pc_aid: '101', pc_catid: 5, pc_title: 'Added' },
      ...{ pc_multiple: 0, pc_eventstatus: 1, pc_duration: 1800, pc_facility: 3, pc_apptstatus: '*' },
      ...{ pc_eventDate: '2026-12-20', pc_startTime: '09:00:00', pc_endTime: '09:30:00', ...columns },
    };
    await chart.clinic.query('INSERT INTO openemr_postcalendar_events SET ?', [row]);
  };
  beforeEach(async () => {
    await chart.clinic.query('DELETE FROM openemr_postcalendar_events WHERE pc_eid > 50000');
  });
  const added = async (): Promise<Resource[]> =>
    ofType(await contentOf('appointments'), 'Appointment').filter(
      ({ id: _id, ...rest }) => rest['description'] === 'Added',
    );

  it('stand with the latest first, whatever their order in the calendar, with provider and site', async () => {
    await add({ pc_eventDate: '2030-01-02' });
    await add({ pc_eventDate: '2001-01-02' });
    const content = await contentOf('appointments');
    const starts = ofType(content, 'Appointment').map(({ start }) => String(start));
    expect(starts).toEqual([...starts].sort().reverse());
    expect(starts.at(0)).toBe('2030-01-02T09:00:00+00:00');
    expect(starts.at(-1)).toBe('2001-01-02T09:00:00+00:00');
    expect(ofType(content, 'Location')).toMatchObject([
      {
        name: 'Riverbend Clinic (synthetic)',
        telecom: [{ system: 'phone', value: '413-555-0000' }],
        address: { line: ['1 Test Way'], city: 'Springfield', state: 'MA', postalCode: '01101' },
      },
    ]);
    expect(ofType(content, 'Practitioner')).toHaveLength(1);
  });

  it('keep hostile text as text, show a sign that no list knows, and name no provider or site that is not there', async () => {
    await add({ pc_hometext: SCRIPT, pc_apptstatus: 'zz', pc_catid: 4711, pc_aid: '4711; DROP', pc_facility: 4711 });
    await add({ pc_hometext: FOUR_BYTES, pc_apptstatus: 'CALL', pc_duration: 0, pc_endTime: null, pc_aid: null });
    const [called, unknown] = await added();
    expect(unknown).toMatchObject({
      comment: SCRIPT,
      status: 'booked',
      _status: { extension: [{ valueString: 'zz' }] },
    });
    expect(unknown).toMatchObject({ participant: [{ actor: { reference: expect.stringMatching(/^Patient\//) } }] });
    expect(unknown).not.toHaveProperty('appointmentType');
    expect(called).toMatchObject({
      comment: FOUR_BYTES,
      _status: { extension: [{ valueString: 'Callback requested' }] },
    });
    expect(called).not.toHaveProperty('end');
    expect(called).not.toHaveProperty('minutesDuration');
  });

  it('without a day or time are counted as skipped', async () => {
    await add({ pc_eventDate: '0000-00-00' });
    await add({ pc_startTime: null });
    expect(await contentOf('appointments')).toMatchObject({ skipped: 2 });
  });

  it('of another patient, and what the calendar hides, are not shown', async () => {
    await add({ pc_pid: String(OTHER) });
    await add({ pc_pid: `${String(CHILD)} x` });
    await add({ pc_eventstatus: 0 });
    expect(await added()).toEqual([]);
  });

  it('have the offset of their own day, also over a change of the clocks', async () => {
    await setZone('America/New_York');
    await add({ pc_eventDate: '2026-11-01', pc_startTime: '00:30:00', pc_endTime: '02:30:00', pc_duration: 10_800 });
    await add({ pc_eventDate: '2026-03-08', pc_startTime: '02:30:00', pc_endTime: '03:00:00', pc_duration: 1800 });
    const [autumn, spring] = await added();
    expect(autumn).toMatchObject({ start: '2026-11-01T00:30:00-04:00', end: '2026-11-01T02:30:00-05:00' });
    // Half past two is not on that day's clocks: an hour later, and the end half an hour after.
    expect(spring).toMatchObject({ start: '2026-03-08T03:30:00-04:00', end: '2026-03-08T04:00:00-04:00' });
  });

  it('of a series have an id each, which stays when the series gets another day', async () => {
    const spec = (frequency: string, exdate: string): string =>
      `a:3:{s:17:"event_repeat_freq";s:1:"${frequency}";s:22:"event_repeat_freq_type";s:1:"1";` +
      `s:6:"exdate";s:${String(exdate.length)}:"${exdate}";}`;
    await add({ pc_recurrtype: 1, pc_recurrspec: spec('1', '20261227'), pc_endDate: '2027-01-10' });
    const before = await added();
    expect(before.map(({ start }) => String(start).slice(0, 10))).toEqual(['2027-01-10', '2027-01-03', '2026-12-20']);
    await chart.clinic.query('UPDATE openemr_postcalendar_events SET pc_recurrspec = ? WHERE pc_eid = ?', [
      spec('1', ''),
      nextEid,
    ]);
    const after = await added();
    expect(after).toHaveLength(4);
    expect(new Set(after.map(({ id }) => id)).size).toBe(4);
    expect(after.filter(({ start }) => String(start).slice(0, 10) !== '2026-12-27')).toEqual(before);
  });
});

describe('coverage', () => {
  beforeEach(async () => {
    await chart.clinic.query('DELETE FROM insurance_data WHERE id > 50000');
  });
  const add = async (id: number, columns: Record<string, string | number | null>): Promise<void> => {
    await chart.clinic.query('INSERT INTO insurance_data SET ?', [{ id, pid: CHILD, type: 'tertiary', ...columns }]);
  };

  it('has nothing of a member id but its end, in no resource and under no name', async () => {
    await add(50_001, { provider: '9101', policy_number: 'SECRETMEMBER77', date: '2026-01-01' });
    const content = await contentOf('coverage');
    expect(JSON.stringify(content)).not.toMatch(/SECRET|MEMBE|POL5/);
    expect(ofType(content, 'Coverage').at(-1)).toMatchObject({ subscriberId: '••••ER77', order: 3 });
  });

  it('keeps hostile text, an unknown relation and an insurer that is not there, and leaves out places without insurance', async () => {
    await add(50_001, { provider: '4711', plan_name: SCRIPT, subscriber_relationship: 'cousin', copay: '20 or so' });
    await add(50_002, { provider: '', plan_name: '', policy_number: null });
    await add(50_003, { provider: '0', date: '0000-00-00' });
    const coverages = ofType(await contentOf('coverage'), 'Coverage').filter(({ order }) => order === 3);
    expect(coverages).toMatchObject([
      { class: [{ value: SCRIPT }], relationship: { text: 'cousin' }, status: 'active' },
    ]);
    expect(coverages[0]).not.toHaveProperty('payor');
    expect(coverages[0]).not.toHaveProperty('period');
    expect(coverages[0]).not.toHaveProperty('costToBeneficiary');
  });

  it.each([
    ['2026-01-01', '2026-11-21', 'cancelled'],
    ['2026-01-01', '2026-11-22', 'active'],
    ['2026-11-23', null, 'draft'],
    ['0000-00-00', '0000-00-00', 'active'],
  ])('from %p to %p is %s on its day', async (date, date_end, status) => {
    await add(50_001, { provider: '9101', date, date_end });
    expect(ofType(await contentOf('coverage'), 'Coverage').at(-1)).toMatchObject({ status });
  });
});

describe('the care team', () => {
  beforeEach(async () => {
    await chart.clinic.query('DELETE FROM care_team_member WHERE id > 50000');
    await chart.clinic.query('DELETE FROM care_teams WHERE id > 50000');
  });
  const addTeam = (id: number, columns: Record<string, string | number>): Promise<unknown> =>
    chart.clinic.query('INSERT INTO care_teams SET ?', [{ id, pid: CHILD, status: 'active', ...columns }]);
  const addMember = (id: number, columns: Record<string, string | number | null>): Promise<unknown> =>
    chart.clinic.query('INSERT INTO care_team_member SET ?', [
      { id, care_team_id: 50_001, role: 'nurse', status: 'active', ...columns },
    ]);

  it('names staff with their role and site, and a person of the patient’s own with the ways to reach them', async () => {
    const content = await contentOf('care-team');
    expect(ofType(content, 'CareTeam')[0]).toMatchObject({
      participant: [
        { role: [{ text: 'Primary Care Provider' }], member: { display: 'Hannah M Greene, MD' } },
        { role: [{ text: 'Physician' }], onBehalfOf: { display: 'Riverbend North Annex (synthetic)' } },
        { role: [{ text: 'Caregiver' }], member: { display: 'Pat Welch' } },
      ],
    });
    expect(ofType(content, 'RelatedPerson')).toMatchObject([
      {
        name: [{ text: 'Pat Welch' }],
        relationship: [{ text: 'mother' }],
        telecom: [{ system: 'phone', use: 'mobile', value: '413-555-6000' }],
      },
    ]);
  });

  it('shows an unknown role as text, and nobody who left, who is not there, or who is a patient of the practice', async () => {
    await addTeam(50_001, { team_name: SCRIPT, status: 'no word of FHIR', note: FOUR_BYTES });
    await addMember(50_001, { user_id: 101, role: 'chief wizard', provider_since: '0000-00-00' });
    await addMember(50_002, { user_id: 102, status: 'inactive' });
    await addMember(50_003, { user_id: 4711 });
    await chart.clinic.query(
      "REPLACE INTO contact SET id = 50001, foreign_table_name = 'patient_data', foreign_id = ?",
      [OTHER],
    );
    await addMember(50_004, { contact_id: 50_001 });
    const content = await contentOf('care-team');
    const team = ofType(content, 'CareTeam').find(({ name }) => name === SCRIPT);
    expect(team).toMatchObject({ status: 'active', note: [{ text: FOUR_BYTES }] });
    expect(team?.['participant']).toEqual([
      expect.objectContaining({
        role: [{ text: 'chief wizard' }],
        member: expect.objectContaining({ type: 'Practitioner' }),
      }),
      { role: [expect.objectContaining({ text: 'Nurse' })] },
      { role: [expect.objectContaining({ text: 'Nurse' })] },
    ]);
    expect(JSON.stringify(content)).not.toContain('Pfannerstill');
  });

  it('that should never have been is not shown', async () => {
    await addTeam(50_001, { team_name: 'A mistake', status: 'entered-in-error' });
    expect(JSON.stringify(await contentOf('care-team'))).not.toContain('A mistake');
  });
});

describe('care plans and goals', () => {
  beforeEach(async () => {
    await chart.clinic.query('DELETE FROM form_care_plan WHERE id > 50000');
    await chart.clinic.query('DELETE FROM forms WHERE form_id > 50000 AND formdir = ?', ['care_plan']);
  });
  const addForm = (formId: number, columns: Record<string, string | number> = {}): Promise<unknown> =>
    chart.clinic.query('INSERT INTO forms SET ?', [
      { form_id: formId, pid: CHILD, formdir: 'care_plan', deleted: 0, ...columns },
    ]);
  const addLine = (id: number, columns: Record<string, string | number | null>): Promise<unknown> =>
    chart.clinic.query('INSERT INTO form_care_plan SET ?', [
      {
        id,
        pid: CHILD,
        date: '2030-01-02 03:04:05',
        care_plan_type: 'plan_of_care',
        plan_status: 'active',
        ...columns,
      },
    ]);

  it('are one plan for each form, whatever order the table gives its lines in', async () => {
    await addForm(50_001);
    const words = ['C of three', 'A of three', 'B of three'];
    for (const description of words) {
      await addLine(50_001, { description, code: 'SNOMED-CT:1', reason_code: 'ICD10:E11.9' });
    }
    const before = ofType(await contentOf('care-plan'), 'CarePlan')[0];
    expect(before).toMatchObject({ status: 'active', description: 'A of three\nB of three\nC of three' });
    await chart.clinic.query('DELETE FROM form_care_plan WHERE id = 50001');
    for (const description of words.toReversed()) {
      await addLine(50_001, { description, code: 'SNOMED-CT:1', reason_code: 'ICD10:E11.9' });
    }
    expect(ofType(await contentOf('care-plan'), 'CarePlan')[0]).toEqual(before);
  });

  it('tell several goals of a form apart, and the plan of the encounter names them', async () => {
    await addForm(50_001);
    await addLine(50_001, { description: 'Instruction', care_plan_type: 'instructions', encounter: '50001' });
    await addForm(50_002);
    for (const description of ['Walk more', 'Sleep more', 'Sleep more']) {
      await addLine(50_002, { description, care_plan_type: 'goal', encounter: '50001', proposed_date: '2031-05-06' });
    }
    const goals = ofType(await contentOf('goals'), 'Goal').slice(0, 2);
    expect(goals).toMatchObject([
      { description: { text: 'Sleep more' }, target: [{ dueDate: '2031-05-06' }], startDate: '2030-01-02' },
      { description: { text: 'Walk more' } },
    ]);
    const [plan] = ofType(await contentOf('care-plan'), 'CarePlan');
    expect(plan).toMatchObject({ goal: goals.map(({ id }) => ({ reference: `Goal/${id}` })) });
  });

  it('keep hostile text and unknown words as text, and count lines that say nothing', async () => {
    await addForm(50_001);
    await addLine(50_001, {
      description: SCRIPT,
      care_plan_type: 'spell',
      plan_status: 'odd',
      date: '0000-00-00 00:00:00',
    });
    await addLine(50_001, { description: '', codetext: null, code: null });
    await addForm(50_002);
    await addLine(50_002, {
      description: FOUR_BYTES,
      care_plan_type: 'goal',
      plan_status: 'odd',
      date_end: '2026-02-31',
    });
    await addLine(50_002, { description: null, care_plan_type: 'goal' });
    const plans = await contentOf('care-plan');
    expect(plans.skipped).toBe(1);
    expect(ofType(plans, 'CarePlan').find(({ description }) => description === SCRIPT)).toMatchObject({
      status: 'unknown',
      activity: [{ detail: { code: { text: 'spell' }, status: 'unknown' } }],
    });
    const goals = await contentOf('goals');
    expect(goals.skipped).toBe(1);
    expect(ofType(goals, 'Goal')[0]).toMatchObject({ description: { text: FOUR_BYTES }, lifecycleStatus: 'active' });
  });

  it('of deleted forms and of another patient are not shown', async () => {
    await addForm(50_001, { deleted: 1 });
    await addLine(50_001, { description: 'Deleted' });
    await addForm(50_002, { pid: OTHER });
    await addLine(50_002, { description: 'Of somebody else', pid: OTHER });
    await addForm(50_003);
    await addLine(50_003, { description: 'Of somebody else', pid: OTHER });
    expect(JSON.stringify(await contentOf('care-plan'))).not.toMatch(/Deleted|somebody else/);
  });
});

describe('assessments', () => {
  beforeEach(async () => {
    await chart.clinic.query('DELETE FROM form_observation WHERE id > 500000');
    await chart.clinic.query('DELETE FROM forms WHERE form_id > 500000 AND formdir = ?', ['observation']);
    await chart.clinic.query('DELETE FROM questionnaire_response WHERE id > 50000');
  });
  const add = async (id: number, columns: Record<string, string | number | null>, deleted = 0): Promise<void> => {
    await chart.clinic.query('INSERT INTO forms SET ?', [
      { form_id: id, pid: columns['pid'] ?? CHILD, formdir: 'observation', deleted },
    ]);
    await chart.clinic.query('INSERT INTO form_observation SET ?', [
      { id, form_id: id, pid: CHILD, date: '2030-01-02 03:04:05', ...columns },
    ]);
  };
  const newest = async (): Promise<Resource | undefined> => (await contentOf('assessments')).resources[0];

  it.each([
    [{ ob_value: '7.5', ob_unit: '{score}' }, { valueQuantity: { value: 7.5, unit: '{score}' } }],
    [{ ob_value: SCRIPT }, { valueString: SCRIPT }],
    [
      { ob_value: FOUR_BYTES, ob_status: 'odd' },
      { valueString: FOUR_BYTES, status: 'unknown' },
    ],
    [{ ob_value: 'LOINC:LA6569-3', ob_value_code_description: 'Days' }, { valueCodeableConcept: { text: 'Days' } }],
    [
      { ob_value: null, ob_type: 'odd' },
      { dataAbsentReason: {}, category: [{ coding: [{ code: 'odd' }] }] },
    ],
  ])('show %p as %p', async (columns, shown) => {
    await add(500_001, { description: 'A score', ob_code: 'LOINC:1-8', ...columns });
    expect(await newest()).toMatchObject({ code: { coding: [{ code: '1-8' }], text: 'A score' }, ...shown });
  });

  it('of deleted forms and of another patient are not shown; lines that say nothing are counted', async () => {
    await add(500_001, { description: 'Deleted' }, 1);
    await add(500_002, { description: 'Of somebody else', pid: OTHER });
    await add(500_003, { description: null, ob_code: null });
    const content = await contentOf('assessments');
    expect(JSON.stringify(content)).not.toMatch(/Deleted|somebody else/);
    expect(content.skipped).toBe(1);
  });

  it('have the answers of a questionnaire, and count one whose answers cannot be read', async () => {
    const item = [{ linkId: '1', text: SCRIPT, answer: [{ valueString: FOUR_BYTES }] }];
    const rows = [
      { id: 50_001, questionnaire_response: JSON.stringify({ item }), status: 'completed', creator_user_id: 0 },
      { id: 50_002, questionnaire_response: '{"item":[', status: 'completed', creator_user_id: 101 },
    ];
    for (const row of rows) {
      const common = { patient_id: CHILD, version: 1, create_time: '2031-01-02 03:04:05' };
      await chart.clinic.query('INSERT INTO questionnaire_response SET ?', [{ ...row, ...common }]);
    }
    const content = await contentOf('assessments');
    expect(content.skipped).toBe(1);
    expect(content.resources[0]).toMatchObject({
      status: 'completed',
      authored: '2031-01-02T03:04:05+00:00',
      source: { type: 'Patient' },
      item,
    });
  });
});
