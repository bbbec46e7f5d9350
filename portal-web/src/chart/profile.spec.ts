import { describe, expect, it } from '@jest/globals';
import { readProfile } from './profile.js';

const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
const patient = (more: object): object => ({ resourceType: 'Patient', id: 'p', ...more });

describe('the profile', () => {
  it('says sex, gender identity, pronouns, tribe and interpreter as the record has them', () => {
    const profile = readProfile([
      patient({
        gender: 'female',
        extension: [
          { url: `${US_CORE}/us-core-sex`, valueCoding: { code: '248153007', display: 'Male' } },
          { url: `${US_CORE}/us-core-genderIdentity`, valueCodeableConcept: { text: 'Identifies as Male' } },
          {
            url: 'http://hl7.org/fhir/StructureDefinition/individual-pronouns',
            extension: [{ url: 'value', valueCodeableConcept: { text: 'he/him' } }],
          },
          ...['Navajo Nation', 'Hopi Tribe'].map((text) => ({
            url: `${US_CORE}/us-core-tribal-affiliation`,
            extension: [{ url: 'tribalAffiliation', valueCodeableConcept: { text } }],
          })),
          { url: `${US_CORE}/us-core-interpreter-needed`, valueCoding: { display: 'Yes' } },
        ],
      }),
    ]);
    expect(profile).toMatchObject({
      gender: 'female',
      saidSex: 'Male',
      genderIdentity: 'Identifies as Male',
      pronouns: 'he/him',
      tribes: ['Navajo Nation', 'Hopi Tribe'],
      interpreter: 'Yes',
      deceased: undefined,
    });
  });

  it.each([
    [{ deceasedDateTime: '2016-12-10T02:39:21-05:00' }, '2016-12-10T02:39:21-05:00'],
    [{ deceasedBoolean: true }, true],
    [{ deceasedBoolean: false }, undefined],
  ])('of %j says the death %j', (facts, deceased) => {
    expect(readProfile([patient(facts)])?.deceased).toBe(deceased);
  });

  it('names who is called and who decides, and nobody of whom it has only a role', () => {
    const profile = readProfile([
      patient({
        contact: [
          { relationship: [{ text: 'Emergency Contact' }], telecom: [{ system: 'phone', value: '555-1' }] },
          { relationship: [{ text: 'guardian' }], name: { text: 'Pat Welch' }, address: { city: 'Chester' } },
          { relationship: [{ text: 'guardian' }] },
        ],
      }),
      {
        resourceType: 'RelatedPerson',
        id: 'r',
        relationship: [{ text: 'Mother' }, { text: 'Mother' }],
        name: [{ family: 'Welch', given: ['Ann'] }],
        telecom: [{ system: 'phone', use: 'mobile', value: '555-2' }],
      },
      { resourceType: 'RelatedPerson', id: 'gone', active: false, name: [{ text: 'Nobody' }] },
    ]);
    expect(profile?.related).toEqual([
      {
        name: undefined,
        roles: ['Emergency Contact'],
        contacts: [{ kind: 'phone', use: undefined, value: '555-1' }],
        addresses: [],
      },
      { name: 'Pat Welch', roles: ['guardian'], contacts: [], addresses: [['Chester']] },
      {
        name: 'Ann Welch',
        roles: ['Mother'],
        contacts: [{ kind: 'phone', use: 'mobile', value: '555-2' }],
        addresses: [],
      },
    ]);
  });
});
