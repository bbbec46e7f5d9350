/** FIXTURE: whom the made-up chart refers to, and the codes it is written with. */

/** A word that no line can hold. */
export const ENDLESS = 'Pneumonoultramicroscopicsilicovolcanoconiosis'.repeat(4);

export const coded = (system: string, code: string, text: string): object => ({
  coding: [{ system, code, display: text }],
  text,
});
export const snomed = (code: string, text: string): object => coded('http://snomed.info/sct', code, text);
export const loinc = (code: string, text: string): object => coded('http://loinc.org', code, text);

export const GREENE = { reference: 'Practitioner/greene', type: 'Practitioner', display: 'Dr. Nora Greene' };
export const OFFICE = { reference: 'Location/office', type: 'Location', display: 'Alder Lane Family Practice' };

export const PEOPLE = [
  {
    resourceType: 'Practitioner',
    id: 'greene',
    name: [{ text: 'Dr. Nora Greene' }],
    telecom: [{ system: 'phone', value: '555-0101' }],
    qualification: [{ code: { text: 'Family medicine' } }],
  },
  { resourceType: 'Practitioner', id: 'ode', name: [{ given: ['Ann'], family: 'Ode', suffix: ['RN'] }] },
  {
    resourceType: 'Location',
    id: 'office',
    name: 'Alder Lane Family Practice',
    description: 'Parking behind the house. The entrance without steps is on Mill Street.',
    telecom: [{ system: 'phone', value: '555-0100' }],
    address: { line: ['12 Alder Lane'], city: 'Springfield', state: 'MA', postalCode: '01105' },
    hoursOfOperation: [
      { daysOfWeek: ['mon', 'tue', 'wed', 'thu'], openingTime: '08:00:00', closingTime: '17:30:00' },
      { daysOfWeek: ['fri'], openingTime: '08:00:00', closingTime: '12:00:00' },
    ],
  },
];

/** Who takes messages, as a `practice` section has it besides people and places. */
export const MESSAGE_SERVICE = [
  { resourceType: 'HealthcareService', id: 'messages', active: true, name: 'Portal messages' },
  {
    resourceType: 'PractitionerRole',
    id: 'ode-messages',
    active: true,
    practitioner: { reference: 'Practitioner/ode', type: 'Practitioner' },
    healthcareService: [{ reference: 'HealthcareService/messages' }],
  },
];
