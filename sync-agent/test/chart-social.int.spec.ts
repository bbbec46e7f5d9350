import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { ResourcesContent, type Resource } from 'sync-contract/section-content';
import { renderChart, type RenderedSection } from '../src/chart/render-chart.js';
import { withhold } from '../src/chart/withhold.js';
import type { ReadableClass } from '../src/openemr/read-chart.js';
import { ChartUnderTest } from './chart-under-test.js';

const PID = 5999;
const VISIT = 77_001;
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart_social');
  await loadGoldenRows(chart.clinic);
  await chart.clinic.query("UPDATE globals SET gl_value = 'America/New_York' WHERE gl_name = 'gbl_time_zone'");
  await chart.clinic.query("INSERT INTO patient_data SET id = ?, pid = ?, fname = 'Under', lname = 'Test'", [PID, PID]);
  await chart.clinic.query(
    `INSERT INTO list_options (list_id, option_id, title, notes, codes) VALUES
       ('administrative_sex', '248153007', 'Male', '', 'SNOMED-CT:248153007'),
       ('tribal_affiliations', '187', 'Navajo Nation', '', ''),
       ('pronoun', 'they', 'they/them', '', 'LOINC:LA29520-6')`,
  );
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});
beforeEach(async () => {
  for (const table of ['form_history_sdoh', 'employer_data']) {
    await chart.clinic.query('DELETE FROM ?? WHERE pid = ?', [table, PID]);
  }
  await patientIs({ sexual_orientation: '', occupation: '', industry: null });
});

type Values = Record<string, string | number | null>;

async function patientIs(values: Values): Promise<void> {
  await chart.clinic.query('UPDATE patient_data SET ? WHERE pid = ?', [values, PID]);
}
async function screened(values: Values): Promise<void> {
  await chart.clinic.query('INSERT INTO form_history_sdoh SET ?', [
    { pid: PID, created_at: '2026-07-02 10:00:00', assessment_date: '2026-07-01', created_by: 101, ...values },
  ]);
}
async function employed(values: Values): Promise<void> {
  await chart.clinic.query('INSERT INTO employer_data SET ?', [{ pid: PID, date: '2026-07-02 10:00:00', ...values }]);
}

async function sections(recordClass: ReadableClass): Promise<RenderedSection[]> {
  const rows = await chart.read(PID, [recordClass]);
  return renderChart(rows, chart.context(rows)).filter((section) => section.recordClass === recordClass);
}
const observationsIn = ([section]: readonly RenderedSection[]): Resource[] =>
  ResourcesContent.parse(section?.content).resources.filter(({ resourceType }) => resourceType === 'Observation');
const facts = async (): Promise<Resource[]> => observationsIn(await sections('social-history'));
const named = (found: readonly Resource[], text: string): Resource | undefined =>
  found.find(({ code }) => JSON.stringify(code).includes(`"text":"${text}"`));

describe('an assessment of social needs', () => {
  it('has every answer with its code, its question and its note, dated by the day of the assessment', async () => {
    await screened({
      food_insecurity: 'at_risk',
      food_insecurity_notes: 'runs out monthly',
      assessor: 'Hannah Greene',
    });
    expect(named(await facts(), 'Food insecurity')).toMatchObject({
      meta: { profile: [`${US_CORE}/us-core-observation-screening-assessment`] },
      category: [{ coding: [{ code: 'survey' }] }, { coding: [{ code: 'sdoh' }] }],
      code: { coding: [{ system: 'http://loinc.org', code: '88124-3' }] },
      valueCodeableConcept: { coding: [{ system: 'http://loinc.org', code: 'LA19952-3' }], text: 'At risk' },
      note: [{ text: 'runs out monthly' }],
      effectiveDateTime: '2026-07-01',
      issued: '2026-07-02T10:00:00-04:00',
      performer: [{ display: 'Hannah Greene' }],
    });
  });

  it('says tool, score, aims and help as a whole that its answers belong to', async () => {
    await screened({
      ...{ screening_tool: 'ahc', instrument_score: 3, goals: 'a job', interventions: 'food bank', declined_flag: 1 },
      ...{ veteran_status: 'no', education_level: 'some college' },
    });
    const found = await facts();
    const aims = [named(found, 'Goals'), named(found, 'Interventions')];
    expect(aims).toMatchObject([{ valueString: 'a job' }, { valueString: 'food bank' }]);
    const answers = [named(found, 'Education level'), named(found, 'Veteran')];
    expect(answers).toMatchObject([
      { valueCodeableConcept: { text: 'some college' } },
      { valueCodeableConcept: { text: 'No' } },
    ]);
    expect(named(found, 'Assessment of social needs')).toMatchObject({
      valueInteger: 3,
      note: [{ text: 'Screening tool: ahc' }, { text: 'The patient declined to answer' }],
      hasMember: [...answers, ...aims].map((answer) => ({ reference: `Observation/${String(answer?.id)}` })),
    });
  });

  it('tells disability by its status and by each difficulty', async () => {
    await screened({
      disability_status: 'has_disability',
      disability_scale: '{"seeing":{"code":"yes","notes":"at night"},"hearing":{"code":"","notes":""}}',
    });
    const found = await facts();
    expect(named(found, 'Disability status')).toMatchObject({
      category: [{ coding: [{ code: 'survey' }] }, { coding: [{ code: 'disability-status' }] }],
      valueCodeableConcept: { text: 'has_disability' },
    });
    expect(named(found, 'Serious difficulty seeing, even when wearing glasses')).toMatchObject({
      valueCodeableConcept: { text: 'Yes' },
      note: [{ text: 'at night' }],
    });
    expect(named(found, 'Serious difficulty hearing')).toBeUndefined();
  });

  it('shows each assessment, the newest first, and one that says nothing not at all', async () => {
    await screened({ food_insecurity: 'at_risk', assessment_date: '2025-01-01' });
    await screened({ food_insecurity: 'no_risk' });
    await screened({ pregnancy_status: '', hunger_score: 0 });
    const found = (await facts()).filter((each) => named([each], 'Food insecurity') !== undefined);
    expect(found.map((each) => each['effectiveDateTime'])).toEqual(['2026-07-01', '2025-01-01']);
    expect(await facts()).toHaveLength(4);
  });

  it('keeps what nobody knows as it was written, and never a date that no calendar has', async () => {
    await screened({
      ...{ food_insecurity: '<b>hungry</b>', social_isolation_notes: '\u{1F634}', disability_scale: '{"seeing":' },
      ...{
        assessment_date: '0000-00-00',
        created_at: '0000-00-00 00:00:00',
        pregnancy_edd: '2026-00-00',
        created_by: 4_711,
      },
    });
    const found = await facts();
    expect(named(found, 'Food insecurity')).toMatchObject({ valueCodeableConcept: { text: '<b>hungry</b>' } });
    expect(named(found, 'Social isolation')).toMatchObject({ note: [{ text: '\u{1F634}' }] });
    expect(JSON.stringify(found)).not.toMatch(/0000|-00/);
  });

  it('has the descriptions of its aims, and none of them where an answer is held', async () => {
    await screened({
      food_insecurity: 'at_risk',
      veteran_status: 'no',
      goals: '[{"code":"1078229009","description":"Has enough food"},{"description":{"text":"Eats daily"}}]',
      interventions: '[]',
    });
    const shown = await sections('social-history');
    expect(named(observationsIn(shown), 'Goals')).toMatchObject({ valueString: 'Has enough food; Eats daily' });
    expect(named(observationsIn(shown), 'Interventions')).toBeUndefined();
    const food = named(observationsIn(shown), 'Food insecurity');
    const none = { recordClass: null, codeSystem: null, code: null, sensitivity: null };
    const held = withhold(shown, [{ ...none, id: 1, kind: 'hold', resourceId: String(food?.id) }]);
    expect(observationsIn(held.sections).map(({ code }) => code)).toMatchObject([
      { text: 'Assessment of social needs' },
      { text: 'Veteran' },
    ]);
    expect(JSON.stringify(held.sections)).not.toContain('food');
  });

  it('that is held is gone with its answers, and by its visit where that is restricted', async () => {
    await screened({ food_insecurity: 'at_risk', pregnancy_status: 'pregnant', encounter: VISIT });
    const shown = await sections('social-history');
    const whole = named(observationsIn(shown), 'Assessment of social needs');
    const decision = {
      id: 1,
      kind: 'hold',
      recordClass: null,
      codeSystem: null,
      code: null,
      sensitivity: null,
    } as const;
    const held = withhold(shown, [{ ...decision, resourceId: String(whole?.id) }]);
    expect(observationsIn(held.sections)).toEqual([]);
    expect(observationsIn(shown).every((each) => 'encounter' in each)).toBe(true);
    const ofClass = { ...decision, kind: 'rule', resourceId: null, recordClass: 'social-history' } as const;
    expect(observationsIn(withhold(shown, [ofClass]).sections)).toEqual([]);
  });
});

describe('pregnancy', () => {
  it('has status and intent as US Core codes them, when it ends, and what came after', async () => {
    await screened({
      ...{ pregnancy_status: 'pregnant', pregnancy_intent: 'wants_pregnancy', pregnancy_edd: '2026-12-24' },
      ...{ postpartum_status: 'breastfeeding', postpartum_end: '2027-02-01' },
    });
    const found = await facts();
    expect(named(found, 'Pregnancy status')).toMatchObject({
      meta: { profile: [`${US_CORE}/us-core-observation-pregnancystatus`] },
      code: { coding: [{ code: '82810-3' }] },
      valueCodeableConcept: { coding: [{ system: 'http://snomed.info/sct', code: '77386006' }], text: 'Pregnant' },
    });
    expect(named(found, 'Pregnancy intent')).toMatchObject({
      meta: { profile: [`${US_CORE}/us-core-observation-pregnancyintent`] },
      code: { coding: [{ code: '86645-9' }] },
      valueCodeableConcept: { coding: [{ system: 'http://snomed.info/sct', code: '454411000124108' }] },
    });
    expect(named(found, 'Estimated due date')).toMatchObject({ valueDateTime: '2026-12-24' });
    expect(named(found, 'Postpartum status')).toMatchObject({
      valueCodeableConcept: { text: 'breastfeeding' },
      note: [{ text: 'Until 2027-02-01' }],
    });
  });
});

it('a pregnancy intent whose code another option has, too, has its words alone', async () => {
  await screened({ pregnancy_intent: 'ambivalent' });
  expect(named(await facts(), 'Pregnancy intent')?.['valueCodeableConcept']).toEqual({
    text: 'Ambivalent about becoming pregnant (finding)',
  });
});

describe('orientation and occupation', () => {
  it.each([
    [
      '38628009',
      { coding: [{ system: 'http://snomed.info/sct', code: '38628009' }], text: 'Lesbian, gay or homosexual' },
    ],
    [
      'ASKU',
      {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'ASKU' }],
        text: 'Choose not to disclose',
      },
    ],
    ['comment_OTH|in my own words', { coding: [{ code: 'OTH' }], text: 'in my own words' }],
    ['pansexual', { text: 'pansexual' }],
  ])('an orientation of %j is shown with what its list knows', async (sexual_orientation, value) => {
    await patientIs({ sexual_orientation });
    expect(named(await facts(), 'Sexual Orientation')).toMatchObject({ valueCodeableConcept: value });
  });

  it('an occupation has its industry and its time', async () => {
    await employed({
      ...{ occupation: '11-1021.00', industry: '236220', start_date: '2019-01-01 00:00:00' },
      ...{ end_date: '2025-05-05 00:00:00' },
    });
    expect(named(await facts(), 'Occupation')).toMatchObject({
      effectivePeriod: { start: '2019-01-01', end: '2025-05-05' },
      valueCodeableConcept: {
        coding: [{ system: 'urn:oid:2.16.840.1.114222.4.11.7901', code: '11-1021.00.003891' }],
        text: 'General and Operations Managers',
      },
      component: [{ valueCodeableConcept: { text: 'Commercial and Institutional Building Construction' } }],
    });
  });

  it('an occupation of the patient’s own row stands where no employment says one', async () => {
    await patientIs({ occupation: 'Shepherd', industry: '' });
    await employed({ occupation: '', industry: null });
    expect(await facts()).toMatchObject([{ valueCodeableConcept: { text: 'Shepherd' } }]);
    await employed({ occupation: 'Weaver' });
    expect(await facts()).toMatchObject([{ valueCodeableConcept: { text: 'Weaver' } }]);
  });
});

describe('employments, a row for each save', () => {
  const saved = async (...rows: Values[]): Promise<unknown[]> => {
    for (const [day, row] of rows.entries()) {
      await employed({ date: `2026-07-0${String(day + 1)} 10:00:00`, ...row });
    }
    return (await facts()).map(({ valueCodeableConcept }) => valueCodeableConcept);
  };

  it('are told once where they say the same, the newest first', async () => {
    const weaver = { occupation: 'Weaver', start_date: '2019-01-01 00:00:00' };
    expect(await saved({ occupation: 'Baker' }, weaver, weaver)).toEqual([{ text: 'Weaver' }, { text: 'Baker' }]);
  });

  it('are told no more where the newest by its date says nothing, nor is what the patient’s own row says', async () => {
    await patientIs({ occupation: 'Shepherd' });
    expect(
      await saved(
        { occupation: 'Weaver', date: '2026-07-03 00:00:00' },
        {},
        { occupation: '', date: '2026-07-04 00:00:00' },
      ),
    ).toEqual([]);
  });
});

describe('the profile', () => {
  it('has sex, gender identity, pronouns and tribe as US Core extends a Patient, each with its code and words', async () => {
    await patientIs({
      ...{ sex_identified: '248153007', gender_identity: '446151000124109', pronoun: 'they' },
      tribal_affiliations: '187|unlisted',
    });
    const [section] = await sections('profile');
    const [patient] = ResourcesContent.parse(section?.content).resources;
    expect(patient?.['extension']).toEqual(
      expect.arrayContaining([
        {
          url: `${US_CORE}/us-core-sex`,
          valueCoding: { system: 'http://snomed.info/sct', code: '248153007', display: 'Male' },
        },
        {
          url: `${US_CORE}/us-core-genderIdentity`,
          valueCodeableConcept: {
            coding: [{ system: 'http://snomed.info/sct', code: '446151000124109', display: 'Identifies as Male' }],
            text: 'Identifies as Male',
          },
        },
        {
          url: 'http://hl7.org/fhir/StructureDefinition/individual-pronouns',
          extension: [
            {
              url: 'value',
              valueCodeableConcept: {
                coding: [{ system: 'http://loinc.org', code: 'LA29520-6', display: 'they/them' }],
                text: 'they/them',
              },
            },
          ],
        },
        {
          url: `${US_CORE}/us-core-tribal-affiliation`,
          extension: [
            {
              url: 'tribalAffiliation',
              valueCodeableConcept: {
                coding: [
                  {
                    system: 'http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS',
                    code: '187',
                    display: 'Navajo Nation',
                  },
                ],
                text: 'Navajo Nation',
              },
            },
          ],
        },
        {
          url: `${US_CORE}/us-core-tribal-affiliation`,
          extension: [{ url: 'tribalAffiliation', valueCodeableConcept: { text: 'unlisted' } }],
        },
      ]),
    );
  });

  it('names persons of the patient’s own once each, and nobody who is a patient, or related no more', async () => {
    const contact = 88_001;
    await chart.clinic.query("INSERT INTO contact (id, foreign_table_name, foreign_id) VALUES (?, 'patient_data', ?)", [
      contact,
      PID,
    ]);
    const relation = { contact_id: contact, target_table: 'person', target_id: 701, relationship: 'MTH' };
    for (const more of [
      { role: 'ECON', start_date: '2020-01-01 00:00:00' },
      { role: 'guard dog', relationship: 'odd' },
      { target_id: 702, active: 0 },
      { target_id: 702, end_date: '2026-01-01 00:00:00' },
      { target_table: 'patient_data', target_id: 5002 },
    ]) {
      await chart.clinic.query('INSERT INTO contact_relation SET ?', [{ ...relation, ...more }]);
    }
    const second = 88_002;
    await chart.clinic.query("INSERT INTO contact (id, foreign_table_name, foreign_id) VALUES (?, 'person', 701)", [
      second,
    ]);
    await chart.clinic.query('INSERT INTO contact_telecom SET ?', [
      { contact_id: second, system: 'email', use: 'home', value: 'pat@example.org', status: 'A' },
    ]);
    const [section] = await sections('profile');
    const [patient] = ResourcesContent.parse(section?.content).resources;
    expect(JSON.stringify(patient)).not.toContain('Collier');
    const persons = ResourcesContent.parse(section?.content).resources.filter(
      ({ resourceType }) => resourceType === 'RelatedPerson',
    );
    expect(persons).toHaveLength(1);
    expect(persons[0]).toMatchObject({
      relationship: [{ text: 'Mother' }, { text: 'Emergency Contact' }, { text: 'odd' }, { text: 'guard dog' }],
      name: [{ text: 'Pat Welch' }],
      telecom: [
        { system: 'phone', value: '413-555-6000', use: 'mobile' },
        { system: 'email', value: 'pat@example.org', use: 'home' },
      ],
      address: [{ line: ['1086 Collier Gateway Unit 1'], city: 'Chester' }],
    });
    expect(persons[0]?.['telecom']).toHaveLength(2);
    expect(persons[0]).not.toHaveProperty('period');
  });
});
