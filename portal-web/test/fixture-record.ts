import { coded, ENDLESS, GREENE, loinc, PEOPLE, snomed } from './fixture-people.js';

/**
 * FIXTURE: the parts of the made-up chart beside medications, results and messages. Among believable entries stand some
 * that a hostile or careless source could hold: markup, characters of four bytes, endless words, missing parts.
 */

const DAY = 86_400_000;

const status = (code: string): object => ({ coding: [{ code }] });

function problems(): object[] {
  const condition = (id: string, code: object, clinical: string, extra: object): object => ({
    resourceType: 'Condition',
    id,
    clinicalStatus: status(clinical),
    category: [status('problem-list-item')],
    code,
    recorder: GREENE,
    ...extra,
  });
  return [
    condition('c1', snomed('38341003', 'High blood pressure'), 'active', {
      onsetDateTime: '2019-03-04',
      recordedDate: '2019-03-05',
      note: [{ text: 'Measured at home twice a week.' }],
    }),
    condition('c2', snomed('44054006', 'Type 2 diabetes'), 'active', {
      onsetDateTime: '2023-06',
      severity: { text: 'Mild' },
    }),
    condition('c3', { text: `Found by chance: <script>alert(1)</script> 😀 ${ENDLESS}` }, 'recurrence', {}),
    condition('c4', snomed('195662009', 'Acute viral pharyngitis'), 'active', {
      category: [status('encounter-diagnosis')],
      encounter: { reference: 'Encounter/e1' },
      onsetDateTime: '2025-11-02',
      verificationStatus: status('provisional'),
    }),
    condition('c5', snomed('62106007', 'Concussion'), 'resolved', {
      onsetDateTime: '2017-01-21',
      abatementDateTime: '2017-02-20',
    }),
    condition('c6', snomed('73211009', 'Diabetes'), 'active', { verificationStatus: status('entered-in-error') }),
    { resourceType: 'Condition', id: 'c7' },
    ...PEOPLE,
  ];
}

function allergies(): object[] {
  return [
    {
      resourceType: 'AllergyIntolerance',
      id: 'a1',
      clinicalStatus: status('active'),
      code: coded('http://www.nlm.nih.gov/research/umls/rxnorm', '7980', 'Penicillin'),
      category: ['medication'],
      criticality: 'high',
      recordedDate: '2005-04-12',
      reaction: [{ manifestation: [{ text: 'Hives' }, { text: 'Shortness of breath' }], severity: 'severe' }],
    },
    {
      resourceType: 'AllergyIntolerance',
      id: 'a2',
      clinicalStatus: status('active'),
      type: 'intolerance',
      code: { text: 'Milk' },
      category: ['food'],
      reaction: [{ manifestation: [{ text: 'Stomach cramps' }], severity: 'mild' }],
    },
    { resourceType: 'AllergyIntolerance', id: 'a3', clinicalStatus: status('active'), code: { text: 'Birch pollen' } },
    { resourceType: 'AllergyIntolerance', id: 'a4', clinicalStatus: status('resolved'), code: { text: 'Eggs' } },
  ];
}

function immunizations(): object[] {
  const vaccine = (id: string, cvx: string, name: string, on: string, extra: object = {}): object => ({
    resourceType: 'Immunization',
    id,
    status: 'completed',
    vaccineCode: coded('http://hl7.org/fhir/sid/cvx', cvx, name),
    occurrenceDateTime: on,
    primarySource: true,
    lotNumber: `LOT-${id.toUpperCase()}`,
    manufacturer: { display: 'Alder Biologics' },
    site: { text: 'Left upper arm' },
    route: { text: 'Into the muscle' },
    doseQuantity: { value: 0.5, unit: 'mL' },
    performer: [{ actor: { reference: 'Practitioner/ode' } }],
    ...extra,
  });
  return [
    vaccine('v1', '140', 'Influenza, seasonal, injectable, preservative free', '2026-10-02'),
    vaccine('v2', '115', 'Tdap (tetanus, diphtheria, whooping cough)', '2021-05-17'),
    vaccine('v3', '03', 'MMR (measles, mumps, rubella)', '1985-06-03', {
      primarySource: false,
      lotNumber: undefined,
      manufacturer: undefined,
      performer: undefined,
      protocolApplied: [{ doseNumberPositiveInt: 2 }],
    }),
    vaccine('v4', '03', 'MMR (measles, mumps, rubella)', '1984-05-21', { primarySource: false }),
    vaccine('v5', '208', 'COVID-19, mRNA', '2021-12-01', {
      status: 'not-done',
      statusReason: { text: 'Patient declined' },
    }),
    ...PEOPLE,
  ];
}

function procedures(): object[] {
  return [
    {
      resourceType: 'Procedure',
      id: 'p1',
      status: 'completed',
      code: coded('http://www.ama-assn.org/go/cpt', '93000', 'Electrocardiogram'),
      performedDateTime: '2026-05-04T14:20:00-04:00',
      performer: [{ actor: GREENE }],
      reasonCode: [{ text: 'Palpitations' }],
      note: [{ text: 'Normal sinus rhythm' }],
    },
    {
      resourceType: 'Procedure',
      id: 'p2',
      status: 'completed',
      code: snomed('80146002', 'Removal of the appendix'),
      performedPeriod: { start: '1998-07-11', end: '1998-07-12' },
      location: { display: 'Springfield Hospital' },
    },
    { resourceType: 'Procedure', id: 'p3', status: 'not-done', code: { text: 'Colonoscopy' } },
    ...PEOPLE,
  ];
}

function devices(): object[] {
  return [
    {
      resourceType: 'Device',
      id: 'dev1',
      status: 'active',
      type: snomed('14106009', 'Cardiac pacemaker'),
      manufacturer: 'Alder Cardio',
      modelNumber: 'AC-200',
      serialNumber: '1234',
      lotNumber: 'A213B1',
      manufactureDate: '2014-12-31',
      expirationDate: '2027-07-07',
      udiCarrier: [
        { deviceIdentifier: '00643169007222', carrierHRF: '(01)00643169007222(11)141231(17)270707(10)A213B1(21)1234' },
      ],
    },
    { resourceType: 'Device', id: 'dev2', status: 'inactive', type: { text: 'Insulin pump' } },
  ];
}

function vitalsOf(year: number, dates: string[]): object[] {
  return dates.flatMap((at, place) => {
    const vital = (code: string, name: string, value: number, unit: string): object => ({
      resourceType: 'Observation',
      id: `vit-${String(year)}-${String(place)}-${code}`,
      status: 'final',
      code: loinc(code, name),
      effectiveDateTime: at,
      valueQuantity: { value, unit, code: unit },
    });
    const part = (code: string, value: number): object => ({
      code: loinc(code, code),
      valueQuantity: { value, unit: 'mm[Hg]', code: 'mm[Hg]' },
    });
    const drift = (2030 - year) * 1.5 + place;
    return [
      {
        resourceType: 'Observation',
        id: `bp-${String(year)}-${String(place)}`,
        status: 'final',
        code: loinc('85354-9', 'Blood pressure panel'),
        effectiveDateTime: at,
        component: [part('8480-6', Math.round(122 + drift)), part('8462-4', Math.round(76 + drift / 2))],
      },
      vital('8867-4', 'Heart rate', 68 + place, '/min'),
      vital('9279-1', 'Respiratory rate', 14, '/min'),
      vital('8310-5', 'Body temperature', 98.4 + place / 10, '[degF]'),
      vital('59408-5', 'Oxygen saturation', 98, '%'),
      vital('2708-6', 'Oxygen saturation', 98, '%'),
      vital('29463-7', 'Body weight', Math.round((165 - drift) * 10) / 10, '[lb_av]'),
      vital('8302-2', 'Body height', 66, '[in_i]'),
      vital('39156-5', 'Body mass index', Math.round((26.6 - drift / 6) * 10) / 10, 'kg/m2'),
    ];
  });
}

function vitalSections(thisYear: number, now: number): Record<string, unknown> {
  const recent = [8, 70].map((daysAgo) => new Date(now - daysAgo * DAY).toISOString());
  const dates = new Map<number, string[]>([[thisYear, recent]]);
  for (let year = thisYear - 1; year > thisYear - 8; year -= 1) {
    dates.set(year, [`${String(year)}-11-02T09:10:00-05:00`, `${String(year)}-04-20T08:30:00-04:00`]);
  }
  return {
    vitals: {
      years: [...dates].map(([year, at]) => ({
        section: `vitals/${String(year)}`,
        year,
        count: at.length,
        newest: at[0] ?? null,
      })),
    },
    ...Object.fromEntries(
      [...dates].map(([year, at]) => [`vitals/${String(year)}`, { resources: vitalsOf(year, at) }]),
    ),
  };
}

export function recordSections(now: number): Record<string, unknown> {
  return {
    problems: { resources: problems() },
    allergies: { resources: allergies() },
    immunizations: { resources: immunizations() },
    procedures: { resources: procedures() },
    devices: { resources: devices() },
    ...vitalSections(new Date(now).getUTCFullYear(), now),
  };
}
