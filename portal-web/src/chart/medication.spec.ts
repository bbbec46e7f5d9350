import { describe, expect, it } from '@jest/globals';
import { readMedications } from './medication.js';

const format = (value: number): string => String(value);

function request(id: string, rest: object): object {
  return { resourceType: 'MedicationRequest', id, status: 'active', medicationCodeableConcept: { text: id }, ...rest };
}

function fill(of: string, on: string, status = 'completed'): object {
  return {
    resourceType: 'MedicationDispense',
    id: `${of}-${on}`,
    status,
    whenHandedOver: on,
    authorizingPrescription: [{ reference: `MedicationRequest/${of}` }],
  };
}

describe('the list of medications', () => {
  it('has active ones first, newest first within, and leaves out what was entered in error', () => {
    const read = readMedications(
      [
        request('old', { authoredOn: '2020-01-01' }),
        request('stopped', { status: 'stopped', authoredOn: '2026-05-01' }),
        request('new', { authoredOn: '2026-01-01' }),
        request('wrong', { status: 'entered-in-error' }),
      ],
      format,
    );
    expect(read.map(({ name, active }) => [name, active])).toEqual([
      ['new', true],
      ['old', true],
      ['stopped', false],
    ]);
  });

  it('claims refills left only when fills are on record, and never fewer than none', () => {
    const refills = { dispenseRequest: { numberOfRepeatsAllowed: 2 } };
    const [none, once, often] = readMedications(
      [
        request('a', refills),
        request('b', refills),
        request('c', refills),
        fill('b', '2026-01-02'),
        fill('b', '2026-02-02'),
        fill('b', '2026-03-02', 'cancelled'),
        ...['01', '02', '03', '04', '05'].map((month) => fill('c', `2026-${month}-01`)),
      ],
      format,
    );
    expect(none?.refills).toEqual({ allowed: 2, left: null });
    expect(once?.refills).toEqual({ allowed: 2, left: 1 });
    expect(once?.lastFilledOn).toBe('2026-02-02');
    expect(often?.refills).toEqual({ allowed: 2, left: 0 });
  });

  it('reads dose, range of doses, frequency and what is taken as needed', () => {
    const [one, two] = readMedications(
      [
        request('a', {
          dosageInstruction: [
            {
              text: '1 tablet daily',
              asNeededBoolean: true,
              timing: { code: { text: 'Twice daily (bis in die) - Two times a day at institution specified time' } },
              doseAndRate: [{ doseQuantity: { value: 1, unit: 'tablet' } }],
            },
          ],
        }),
        request('b', {
          dosageInstruction: [
            { doseAndRate: [{ doseRange: { low: { value: 1, unit: 'tablet' }, high: { value: 2, unit: 'tablet' } } }] },
          ],
        }),
      ],
      format,
    );
    expect(one).toMatchObject({ dose: '1 tablet', frequency: 'Twice daily', asNeeded: true });
    expect(two).toMatchObject({ dose: '1 tablet – 2 tablet', asNeeded: false, refills: undefined });
  });

  it('survives resources of any shape', () => {
    expect(readMedications([null, 7, 'x', [], { resourceType: 'MedicationRequest' }], format)).toHaveLength(1);
    expect(
      readMedications([{ resourceType: 'MedicationRequest', dosageInstruction: 'no list', note: [3] }], format),
    ).toHaveLength(1);
  });
});
