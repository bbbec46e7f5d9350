/**
 * FIXTURE: a made-up chart for browser tests, in the shapes the inside renders. No person, no clinic and no laboratory in
 * it exists; times count back from the moment the fixture starts.
 */

import { careSections } from './fixture-care.js';
import { recordSections } from './fixture-record.js';

const DAY = 86_400_000;

export const PATIENT_REF = 'a1'.repeat(16);
export const ACCOUNT_REF = 'b2'.repeat(16);
export const THREADS = { answered: '11'.repeat(16), unread: '22'.repeat(16), long: '33'.repeat(16) } as const;

export interface FixtureSections {
  [name: string]: unknown;
}

interface LabTest {
  code: string;
  name: string;
  unit: string;
  range: string;
  low: number | null;
  high: number | null;
}

const TESTS: Record<string, LabTest> = {
  glucose: { code: '2345-7', name: 'Glucose [Mass/volume] in Serum', unit: 'mg/dL', range: '65-99', low: 65, high: 99 },
  creatinine: { code: '2160-0', name: 'Creatinine', unit: 'mg/dL', range: '0.6-1.2', low: 0.6, high: 1.2 },
  potassium: { code: '2823-3', name: 'Potassium', unit: 'mmol/L', range: '3.5-5.1', low: 3.5, high: 5.1 },
  sodium: { code: '2951-2', name: 'Sodium', unit: 'mmol/L', range: '136-145', low: 136, high: 145 },
  cholesterol: { code: '2093-3', name: 'Total cholesterol', unit: 'mg/dL', range: '<200', low: null, high: 200 },
  hdl: { code: '2085-9', name: 'HDL cholesterol', unit: 'mg/dL', range: '>40', low: 40, high: null },
  hba1c: { code: '4548-4', name: 'Hemoglobin A1c', unit: '%', range: '4.0-5.6', low: 4, high: 5.6 },
  hemoglobin: { code: '718-7', name: 'Hemoglobin', unit: 'g/dL', range: '12.0-17.5', low: 12, high: 17.5 },
};

const LAB = {
  resourceType: 'Organization',
  id: 'lab-1',
  name: 'Riverside Reference Laboratory',
  address: [{ line: ['1200 Mill Street', 'Suite 4'], city: 'Springfield', state: 'MA', postalCode: '01103' }],
};

let serial = 0;

function observation(test: LabTest, value: number | string, code: string | null, extra: object = {}): object {
  serial += 1;
  return {
    resourceType: 'Observation',
    id: `obs${String(serial)}`,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: test.code, display: test.name }], text: test.name },
    ...(typeof value === 'number' ? { valueQuantity: { value, unit: test.unit } } : { valueString: value }),
    ...(code !== null && { interpretation: [{ coding: [{ code }] }] }),
    referenceRange: [
      {
        text: test.range,
        ...(test.low !== null && { low: { value: test.low } }),
        ...(test.high !== null && { high: { value: test.high } }),
      },
    ],
    ...extra,
  };
}

function report(title: string, collected: string | null, observations: object[], extra: object = {}): object[] {
  serial += 1;
  const dated = observations.map((each) => (collected === null ? each : { ...each, effectiveDateTime: collected }));
  return [
    {
      resourceType: 'DiagnosticReport',
      id: `rep${String(serial)}`,
      status: 'final',
      code: { text: title },
      ...(collected !== null && {
        effectiveDateTime: collected,
        issued: new Date(Date.parse(collected) + DAY / 6).toISOString(),
      }),
      performer: [{ reference: 'Organization/lab-1', type: 'Organization', display: LAB.name }],
      resultsInterpreter: [{ display: 'Dr. Nora Greene' }],
      specimen: [{ display: 'Blood' }],
      result: observations.map((each) => ({ reference: `Observation/${'id' in each ? String(each.id) : ''}` })),
      ...extra,
    },
    ...dated,
  ];
}

/** A metabolic panel as it would come in now; used to play "a new result arrives". */
export function newReport(now: number): object[] {
  return report('Kidney check', new Date(now - DAY / 24).toISOString(), [
    observation(TESTS['creatinine'] as LabTest, 1.9, 'H'),
    observation(TESTS['potassium'] as LabTest, 6.4, 'HH', {
      note: [{ text: 'Result was phoned to the practice.' }],
    }),
  ]);
}

function resultsOf(year: number, collected: string[]): object[] {
  const test = (key: string): LabTest => TESTS[key] as LabTest;
  const drift = (2030 - year) / 10;
  return [
    ...report(
      'Basic metabolic panel',
      collected[0] ?? null,
      [
        observation(test('glucose'), 118 - drift * 9, 'H', { note: [{ text: 'Sample was not taken fasting.' }] }),
        observation(test('creatinine'), 0.94, 'N'),
        observation(test('potassium'), 3.2, 'L'),
        observation(test('sodium'), 140, 'N'),
      ],
      { conclusion: 'Please repeat the potassium within two weeks.' },
    ),
    ...report('Lipid panel', collected[1] ?? null, [
      observation(test('cholesterol'), 187, 'N'),
      observation(test('hdl'), 52, 'N'),
    ]),
    ...report('Hemoglobin A1c', collected[2] ?? null, [observation(test('hba1c'), 6.1, 'H', { status: 'corrected' })], {
      status: 'corrected',
    }),
    ...report('Complete blood count', collected[3] ?? null, [observation(test('hemoglobin'), 7.1, 'LL')], {
      status: 'preliminary',
    }),
    ...report('Urine test', collected[4] ?? null, [
      observation(
        { ...test('glucose'), code: '5792-7', name: 'Glucose in urine', range: 'Negative', low: null, high: null },
        'Negative',
        'N',
      ),
      observation(
        { ...test('glucose'), code: '5804-0', name: 'Protein in urine', range: 'Negative', low: null, high: null },
        'Trace',
        'A',
      ),
      observation(
        { ...test('glucose'), code: '5767-9', name: 'Appearance of urine', range: '', low: null, high: null },
        'Slightly cloudy, pale yellow, no visible blood',
        null,
      ),
    ]),
    LAB,
  ];
}

function medication(id: string, name: string, sig: string, rest: object, dose: object | null): object {
  return {
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    medicationCodeableConcept: { text: name },
    requester: { display: 'Dr. Nora Greene' },
    dosageInstruction: [
      { text: sig, route: { text: 'By mouth' }, ...(dose !== null && { doseAndRate: [{ doseQuantity: dose }] }) },
    ],
    ...rest,
  };
}

export function fixtureSections(now: number): FixtureSections {
  serial = 0;
  const at = (daysAgo: number): string => new Date(now - daysAgo * DAY).toISOString();
  const day = (daysAgo: number): string => at(daysAgo).slice(0, 10);
  const thisYear = new Date(now).getUTCFullYear();
  const years = [thisYear, thisYear - 1, thisYear - 3];
  const perYear = Object.fromEntries(
    years.map((year, place) => [
      `results/${String(year)}`,
      {
        resources: resultsOf(
          year,
          place === 0
            ? [at(2), at(2), at(19), at(33), at(60)]
            : [
                `${String(year)}-05-04T09:30:00-04:00`,
                `${String(year)}-05-04T09:30:00-04:00`,
                `${String(year)}-03-20T08:05:00-04:00`,
              ],
        ),
      },
    ]),
  );
  return {
    profile: {
      resources: [
        {
          resourceType: 'Patient',
          id: 'p1',
          name: [
            { use: 'official', prefix: ['Ms.'], given: ['Rosalind', 'May'], family: 'Okafor-Lindqvist' },
            { use: 'old', given: ['Rosalind'], family: 'Okafor' },
          ],
          birthDate: '1980-04-23',
          gender: 'female',
          maritalStatus: { text: 'Married' },
          communication: [{ language: { text: 'English' } }],
          telecom: [
            { system: 'phone', use: 'mobile', value: '555-0144' },
            { system: 'email', use: 'home', value: 'rosalind@example.org' },
          ],
          address: [
            { use: 'home', line: ['77 Alder Lane', 'Apt 3B'], city: 'Springfield', state: 'MA', postalCode: '01105' },
          ],
          identifier: [{ value: 'FX-1029' }],
          generalPractitioner: [{ display: 'Dr. Nora Greene' }],
          extension: [
            {
              url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity',
              valueCodeableConcept: { text: 'Identifies as Female' },
            },
            {
              url: 'http://hl7.org/fhir/StructureDefinition/individual-pronouns',
              extension: [{ url: 'value', valueCodeableConcept: { text: 'she/her' } }],
            },
            {
              url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-interpreter-needed',
              valueCoding: { code: '373067005', display: 'No' },
            },
          ],
          contact: [
            {
              relationship: [{ coding: [{ code: 'C', display: 'Emergency Contact' }] }],
              telecom: [{ system: 'phone', value: '555-0177' }],
            },
          ],
        },
        {
          resourceType: 'RelatedPerson',
          id: 'rp1',
          active: true,
          relationship: [{ text: 'Mother' }, { text: 'Emergency Contact' }],
          name: [{ use: 'official', text: 'Ingrid Lindqvist <img src=x onerror=alert(9)>' }],
          telecom: [{ system: 'phone', use: 'mobile', value: '555-0188' }],
          address: [{ use: 'home', line: ['5 Birch Row'], city: 'Holyoke', state: 'MA' }],
        },
      ],
    },
    medications: {
      resources: [
        medication(
          'm1',
          'Lisinopril 10 mg oral tablet',
          'Take 1 tablet by mouth every morning',
          {
            authoredOn: at(90),
            reasonCode: [{ text: 'High blood pressure' }],
            note: [{ text: 'Call us if you feel dizzy.' }],
            dispenseRequest: { numberOfRepeatsAllowed: 3, quantity: { value: 30, unit: 'tablet' } },
          },
          { value: 1, unit: 'tablet' },
        ),
        medication(
          'm2',
          'Albuterol 90 mcg inhaler',
          'Inhale 2 puffs when needed for wheezing, at most 4 times a day',
          { authoredOn: at(200), dispenseRequest: { numberOfRepeatsAllowed: 1 } },
          { value: 2, unit: 'puffs' },
        ),
        medication(
          'm3',
          'Metformin hydrochloride 500 mg extended release oral tablet',
          '1 tablet with the evening meal',
          { authoredOn: at(30) },
          null,
        ),
        medication(
          'm4',
          'Amoxicillin 250 mg capsule',
          '1 capsule three times daily for 7 days',
          { status: 'completed', authoredOn: at(400) },
          null,
        ),
        medication(
          'm5',
          'Ibuprofen 400 mg tablet',
          '1 tablet every 6 hours',
          { status: 'stopped', authoredOn: at(700) },
          null,
        ),
        {
          resourceType: 'MedicationDispense',
          id: 'd1',
          status: 'completed',
          authorizingPrescription: [{ reference: 'MedicationRequest/m1' }],
          whenHandedOver: day(88),
        },
        {
          resourceType: 'MedicationDispense',
          id: 'd2',
          status: 'completed',
          authorizingPrescription: [{ reference: 'MedicationRequest/m1' }],
          whenHandedOver: day(58),
        },
      ],
    },
    results: {
      years: [
        ...years.map((year, place) => ({
          section: `results/${String(year)}`,
          year,
          count: 5,
          newest: at(place * 365 + 2),
        })),
        { section: 'results/undated', year: 'undated', count: 1, newest: null },
      ],
    },
    ...perYear,
    'results/undated': {
      resources: [
        ...report('Outside laboratory, copied from paper', null, [observation(TESTS['hba1c'] as LabTest, 5.4, 'N')]),
        LAB,
      ],
    },
    ...recordSections(now),
    ...careSections(now),
    messages: {
      threads: [
        summary(
          THREADS.unread,
          'Results',
          'Your potassium result',
          1,
          1,
          at(0.1),
          'practice',
          'Your potassium was a little low. Please come in for another sample',
        ),
        summary(
          THREADS.answered,
          'Medication',
          'Question about the new tablets',
          3,
          0,
          at(12),
          'patient',
          'Thank you, that helps.',
        ),
        summary(THREADS.long, 'Billing', '', 1, 0, at(320), 'patient', 'I received two statements for the same visit.'),
      ],
    },
    [`messages/${THREADS.unread}`]: {
      threadId: THREADS.unread,
      topic: 'Results',
      subject: 'Your potassium result',
      messages: [
        mail(
          'mail1',
          'practice',
          'Nora Greene, MD',
          at(0.1),
          'Your potassium was a little low. Please come in for another sample within two weeks.\n\nUntil then, bananas and potatoes are fine. <b>No</b> change to your tablets.',
          null,
        ),
      ],
    },
    [`messages/${THREADS.answered}`]: {
      threadId: THREADS.answered,
      topic: 'Medication',
      subject: 'Question about the new tablets',
      messages: [
        mail(
          'mail2',
          'patient',
          'Rosalind Okafor-Lindqvist',
          at(13),
          'Can I take the new tablets in the evening instead? They make me a little dizzy in the morning.',
          '01890000-0000-7000-8000-000000000001',
        ),
        mail(
          'mail3',
          'practice',
          'Nora Greene, MD',
          at(12.5),
          'Yes, the evening is fine. Tell us if the dizziness stays.',
          null,
        ),
        mail(
          'mail4',
          'patient',
          'Rosalind Okafor-Lindqvist',
          at(12),
          'Thank you, that helps.',
          '01890000-0000-7000-8000-000000000002',
        ),
      ],
    },
    [`messages/${THREADS.long}`]: {
      threadId: THREADS.long,
      topic: 'Billing',
      subject: '',
      messages: [
        mail(
          'mail5',
          'patient',
          'Rosalind Okafor-Lindqvist',
          at(320),
          'I received two statements for the same visit.',
          null,
        ),
      ],
    },
  };
}

function summary(
  threadId: string,
  topic: string,
  subject: string,
  messages: number,
  unread: number,
  lastAt: string,
  lastFrom: string,
  excerpt: string,
): object {
  return { threadId, topic, subject, messages, unread, lastAt, lastFrom, excerpt };
}

export function mail(
  id: string,
  from: 'patient' | 'practice',
  senderName: string,
  sentAt: string,
  body: string,
  submissionId: string | null,
): object {
  return { id, from, senderName, sentAt, body, submissionId };
}
