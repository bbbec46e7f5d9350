import { coded, ENDLESS, GREENE, loinc, OFFICE, MESSAGE_SERVICE, PEOPLE } from './fixture-people.js';

/** FIXTURE: visits, what was written about them, care, insurance and the practice of the made-up chart. */

const DAY = 86_400_000;

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

const VISIT_NOTE = `Reason for the visit
Sore throat and fever since two days. No cough.

Findings
Temperature 100.9 °F. Throat red, tonsils without coating. Lungs clear.

What we agreed
• Rest, plenty of fluids, and acetaminophen for the fever.
• Come back if it is not better by Friday, or at once when breathing gets hard.

Dr. Nora Greene 😀 <script>alert('a note')</script> <b>not bold</b> ${ENDLESS}`;

function encounters(): object[] {
  const visit = (id: string, at: string, type: string, reason: string, extra: object = {}): object => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB', display: 'Office visit' },
    type: [{ text: type }],
    period: { start: at },
    reasonCode: [{ text: reason }],
    participant: [{ individual: GREENE }],
    location: [{ location: OFFICE }],
    ...extra,
  });
  return [
    visit('e1', '2025-11-02T09:10:00-05:00', 'Sick visit', 'Sore throat', {
      period: { start: '2025-11-02T09:10:00-05:00', end: '2025-11-02T09:35:00-05:00' },
      diagnosis: [{ condition: { reference: 'Condition/c4', type: 'Condition' } }],
    }),
    visit('e2', '2025-04-20T08:30:00-04:00', 'Yearly check-up', 'Check-up'),
    visit('e3', '2011-11-04T01:58:00-04:00', 'Emergency room visit', 'Cut on the hand', {
      class: { code: 'EMER', display: 'Emergency' },
      location: [{ location: { display: 'Springfield Hospital' } }],
      hospitalization: { dischargeDisposition: { text: 'Sent home' } },
    }),
    visit('e4', '2024-06-11T10:00:00-04:00', 'Telephone visit', 'Wrong patient', { status: 'entered-in-error' }),
    ...PEOPLE,
  ];
}

function notes(): object[] {
  const note = (id: string, code: string, name: string, on: string, text: string, extra: object = {}): object => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    docStatus: 'final',
    type: loinc(code, name),
    category: [{ text: 'Clinical note' }],
    date: on,
    author: [GREENE],
    content: [{ attachment: { contentType: 'text/plain; charset=utf-8', data: base64(text) } }],
    ...extra,
  });
  const ofVisit = { context: { encounter: [{ reference: 'Encounter/e1' }] } };
  return [
    note('n1', '11506-3', 'Progress note', '2025-11-02', VISIT_NOTE, ofVisit),
    note('n2', '34109-9', 'Check-up note', '2025-04-20', 'Everything as it should be. Next check-up in one year.'),
    note('n3', '18842-5', 'Discharge summary', '2011-11-04', 'Wound closed with three stitches.', {
      docStatus: 'amended',
    }),
    note('n4', '11506-3', 'Progress note', '2025-11-01', 'First version.', { status: 'superseded' }),
    note('n5', '34117-2', 'History and physical', '2019-03-04', '', {
      content: [
        {
          attachment: {
            contentType: 'text/html',
            data: base64(
              '<p>Blood pressure <b>150/95</b> &amp; pulse 72.</p><script>alert(2)</script><p>Salt: less.</p>',
            ),
          },
        },
        { attachment: { contentType: 'application/pdf', title: 'Outside letter', url: 'Binary/x' } },
      ],
    }),
    { resourceType: 'DocumentReference', id: 'n6', status: 'current', type: { text: 'Empty note' } },
    ...PEOPLE,
  ];
}

function reports(): object[] {
  const report = (id: string, name: string, category: string, at: string, extra: object): object => ({
    resourceType: 'DiagnosticReport',
    id,
    status: 'final',
    category: [{ text: category }],
    code: { text: name },
    effectiveDateTime: at,
    issued: at,
    resultsInterpreter: [GREENE],
    ...extra,
  });
  return [
    report('d1', 'Chest X-ray, two views', 'Radiology', '2025-11-02T11:00:00-05:00', {
      encounter: { reference: 'Encounter/e1' },
      conclusion: 'No sign of pneumonia.',
      presentedForm: [
        {
          contentType: 'text/plain',
          data: base64('Heart of normal size. Lungs clear on both sides. Bones without findings.'),
        },
      ],
    }),
    report('d2', 'Echocardiogram', 'Cardiology', '2024-02-14T09:00:00-05:00', {
      status: 'preliminary',
      conclusion: 'Pumping function normal.',
    }),
    report('d3', 'Ultrasound of the belly', 'Radiology', '2020-08-01', { status: 'cancelled' }),
    ...PEOPLE,
  ];
}

function appointments(now: number): object[] {
  const visit = (id: string, days: number, state: string, type: string, extra: object = {}): object => ({
    resourceType: 'Appointment',
    id,
    status: state,
    appointmentType: { text: type },
    start: new Date(now + days * DAY).toISOString(),
    end: new Date(now + days * DAY + 30 * 60_000).toISOString(),
    participant: [{ actor: { reference: 'Patient/p1' } }, { actor: GREENE }, { actor: OFFICE }],
    ...extra,
  });
  return [
    visit('ap1', 5, 'booked', 'Follow-up visit', {
      reasonCode: [{ text: 'Blood pressure' }],
      patientInstruction: 'Please bring the list of your home measurements.',
    }),
    visit('ap2', 40, 'pending', 'Yearly check-up'),
    visit('ap3', 12, 'cancelled', 'Flu shot', { cancelationReason: { text: 'Patient request' } }),
    visit('ap4', -90, 'fulfilled', 'Follow-up visit'),
    visit('ap5', -200, 'noshow', 'Blood draw'),
    ...PEOPLE,
  ];
}

function care(): Record<string, unknown> {
  return {
    'care-team': {
      resources: [
        {
          resourceType: 'CareTeam',
          id: 't1',
          status: 'active',
          name: 'Diabetes team',
          participant: [
            { role: [{ text: 'Primary doctor' }], member: GREENE, period: { start: '2019-03-04' } },
            { role: [{ text: 'Nurse' }], member: { reference: 'Practitioner/ode' }, onBehalfOf: OFFICE },
            { role: [{ text: 'Caregiver' }], member: { display: 'Ingrid Lindqvist' } },
          ],
        },
        ...PEOPLE,
      ],
    },
    'care-plan': {
      resources: [
        {
          resourceType: 'CarePlan',
          id: 'cp1',
          status: 'active',
          title: 'Living with diabetes',
          period: { start: '2025-04-20' },
          author: GREENE,
          activity: [
            { detail: { code: { text: 'Foot check' }, description: 'Foot check every day', status: 'in-progress' } },
            { detail: { code: { text: 'Eye examination' }, status: 'scheduled' } },
          ],
        },
        { resourceType: 'CarePlan', id: 'cp2', status: 'completed', description: 'Physiotherapy after the fall' },
        ...PEOPLE,
      ],
    },
    goals: {
      resources: [
        {
          resourceType: 'Goal',
          id: 'g1',
          lifecycleStatus: 'active',
          achievementStatus: { coding: [{ code: 'improving' }] },
          description: { text: 'Walk 30 minutes every day' },
          target: [{ detailString: '5 days a week', dueDate: '2027-03-31' }],
          startDate: '2025-04-20',
          expressedBy: GREENE,
        },
        { resourceType: 'Goal', id: 'g2', lifecycleStatus: 'completed', description: { text: 'Stop smoking' } },
        ...PEOPLE,
      ],
    },
    assessments: {
      resources: [
        {
          resourceType: 'QuestionnaireResponse',
          id: 'q1',
          status: 'completed',
          _questionnaire: { extension: [{ valueString: 'Mood check (PHQ-2)' }] },
          authored: '2025-11-02T09:00:00-05:00',
          item: [
            {
              text: 'Little interest or pleasure in doing things',
              answer: [{ valueCoding: { display: 'Several days' } }],
            },
            { text: 'Feeling down, depressed, or hopeless', answer: [{ valueCoding: { display: 'Not at all' } }] },
          ],
        },
        {
          resourceType: 'Observation',
          id: 'fall',
          status: 'final',
          code: loinc('73830-2', 'Risk of falling'),
          effectiveDateTime: '2025-04-20',
          valueCodeableConcept: { text: 'Low' },
        },
      ],
    },
    'social-history': {
      resources: [
        {
          resourceType: 'Observation',
          id: 's1',
          status: 'final',
          code: loinc('72166-2', 'Tobacco use'),
          effectiveDateTime: '2025-04-20',
          valueCodeableConcept: coded('http://snomed.info/sct', '8517006', 'Former smoker'),
        },
        {
          resourceType: 'Observation',
          id: 's2',
          status: 'final',
          code: loinc('72166-2', 'Tobacco use'),
          effectiveDateTime: '2015-02-01',
          valueCodeableConcept: coded('http://snomed.info/sct', '77176002', 'Smoker'),
        },
        {
          resourceType: 'Observation',
          id: 's3',
          status: 'final',
          code: { text: 'Occupation' },
          effectiveDateTime: '2023-01-10',
          valueString: `Teacher <img src=x onerror=alert(3)>`,
        },
      ],
    },
  };
}

function coverage(): object[] {
  return [
    {
      resourceType: 'Coverage',
      id: 'cov1',
      status: 'active',
      order: 1,
      subscriberId: 'POL500123',
      relationship: { text: 'self' },
      period: { start: '2024-01-01' },
      payor: [{ display: 'Commonwealth Mutual' }],
      class: [
        { type: { coding: [{ code: 'group' }] }, value: 'GRP1' },
        { type: { coding: [{ code: 'plan' }] }, value: 'PPO', name: 'PPO Gold' },
      ],
      costToBeneficiary: [{ valueMoney: { value: 20, currency: 'USD' } }],
    },
    {
      resourceType: 'Coverage',
      id: 'cov2',
      status: 'cancelled',
      subscriberId: 'OLD99',
      period: { start: '2015-01-01', end: '2023-12-31' },
      payor: [{ display: 'State Health Plan' }],
    },
  ];
}

function billing(): object {
  const none = { code: null, units: 1 };
  return {
    currency: 'USD',
    balance: '1135.50',
    balanceWithInsurance: '1310.50',
    statements: [
      {
        id: 'e1',
        date: '2025-11-02T09:30:00-05:00',
        withInsurer: true,
        charges: [
          { id: 'b1', code: '99213', text: 'Office visit, established patient', units: 1, amount: '145.00' },
          { id: 'b2', code: '87880', text: 'Rapid strep test', units: 2, amount: '50.00' },
        ],
        payments: [{ id: 'p1', date: '2025-11-02', from: 'patient', method: 'Credit card', amount: '20.00' }],
        adjustments: [],
        charged: '195.00',
        paid: '20.00',
        adjusted: '0.00',
        open: '175.00',
        due: '0.00',
      },
      {
        id: 'e2',
        date: '2025-04-20T08:00:00-04:00',
        withInsurer: false,
        charges: [
          { id: 'b3', code: '99396', text: `Check-up <b>not bold</b> ${ENDLESS}`, units: 1, amount: '1250.00' },
          { ...none, id: 'd1', text: 'Amoxicillin 500 MG', amount: '12.50' },
        ],
        payments: [
          { id: 'p3', date: '2025-06-02', from: 'patient', method: '', amount: '5.00' },
          { id: 'p2', date: '2025-05-11', from: 'insurance', method: 'Electronic', amount: '80.00' },
        ],
        adjustments: [{ id: 'a1', date: '2025-05-11', amount: '42.00' }],
        charged: '1262.50',
        paid: '85.00',
        adjusted: '42.00',
        open: '1135.50',
        due: '1135.50',
      },
      {
        id: 'e3',
        date: null,
        withInsurer: false,
        charges: [{ ...none, id: 'b4', text: 'Flu shot', amount: '30.00' }],
        payments: [{ id: 'p4', date: null, from: 'patient', method: '', amount: '30.00' }],
        adjustments: [],
        charged: '30.00',
        paid: '30.00',
        adjusted: '0.00',
        open: '0.00',
        due: '0.00',
      },
    ],
  };
}

export function careSections(now: number): Record<string, unknown> {
  return {
    encounters: { resources: encounters() },
    notes: { resources: notes() },
    reports: { resources: reports() },
    appointments: { resources: appointments(now) },
    ...care(),
    coverage: { resources: coverage() },
    billing: billing(),
    practice: { resources: [...MESSAGE_SERVICE, ...PEOPLE] },
  };
}
