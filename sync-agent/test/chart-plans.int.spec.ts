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
