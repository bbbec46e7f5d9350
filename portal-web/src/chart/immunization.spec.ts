import { describe, expect, it } from '@jest/globals';
import { readImmunizations } from './immunization.js';

describe('immunizations', () => {
  it('carry what a school asks for; one that was not given is not current', () => {
    const read = readImmunizations(
      [
        {
          resourceType: 'Immunization',
          id: 'given',
          status: 'completed',
          vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '03', display: 'MMR' }] },
          occurrenceDateTime: '1984-05-02',
          lotNumber: 'L1',
          manufacturer: { display: 'Maker' },
          performer: [{ actor: { reference: 'Practitioner/p' } }],
          protocolApplied: [{ doseNumberPositiveInt: 2, seriesDosesPositiveInt: 3 }],
          doseQuantity: { value: 0, code: 'mL' },
          primarySource: false,
        },
        { resourceType: 'Immunization', id: 'not', status: 'not-done', statusReason: { text: 'patient objection' } },
        { resourceType: 'Practitioner', id: 'p', name: [{ text: 'Nora Greene' }] },
      ],
      String,
    );
    expect(read[0]).toMatchObject({
      name: 'MMR',
      current: true,
      lot: 'L1',
      manufacturer: 'Maker',
      performers: ['Nora Greene'],
      doseNumber: '2 / 3',
      amount: undefined,
      reported: true,
      codes: [{ system: 'CVX', code: '03' }],
    });
    expect(read[1]).toMatchObject({ current: false, withdrawn: false, statusReason: 'patient objection' });
  });
});
