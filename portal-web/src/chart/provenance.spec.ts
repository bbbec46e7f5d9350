import { describe, expect, it } from '@jest/globals';
import { recordedAnswers } from '../../test/recorded-answers.js';
import { isObject, list, string, type Json } from './fhir.js';
import { practiceOrganization, provenanceOf, recordedOf, writersIn } from './provenance.js';
import { Referred } from './referred.js';

/** The practice of the recordings. */
const PRACTICE = { reference: 'Organization/a348a1d5-a3fa-4676-a96c-1e392500ab94', type: 'Organization' };

/** Its elements, of each agent one by one. */
function facts(provenance: unknown): Json {
  const found: Json = isObject(provenance) ? { ...provenance } : {};
  delete found['agent'];
  list(provenance, 'agent').forEach(({ type, who, onBehalfOf }, place) => {
    found[`agent ${String(place)} type`] = type;
    found[`agent ${String(place)} who`] = who;
    found[`agent ${String(place)} for`] = onBehalfOf;
  });
  return found;
}

describe('who wrote an entry down, for whom and when', () => {
  it("is what OpenEMR's own Provenance answers say, but for these differences and no others", () => {
    const differences: Record<string, number> = {};
    const compared = recordedAnswers();
    for (const { provenance, entry } of compared) {
      const [theirs, ours] = [facts(provenance), facts(provenanceOf(entry, PRACTICE))];
      for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
        if (JSON.stringify(ours[key]) !== JSON.stringify(theirs[key])) {
          const what = ours[key] === undefined ? `${key}: left out` : theirs[key] === undefined ? `${key}: added` : key;
          differences[what] = (differences[what] ?? 0) + 1;
        }
      }
    }
    expect(compared).toHaveLength(59);
    expect(differences).toEqual({
      // Theirs is the entry's id behind its type and `PSK`.
      id: 59,
      // They name no profile.
      'meta: added': 59,
      // Theirs is when the row last changed for whatever reason, which no chart holds; of an immunization it is the year -1.
      // Ours is when the entry says that it was written, and where it does not say, that nobody knows.
      recorded: 5,
      'recorded: left out': 48,
      '_recorded: added': 48,
      // Theirs says of the practice that it acts on behalf of itself.
      'agent 0 for: left out': 49,
      'agent 1 for: left out': 59,
    });
  });

  it('has clinicians write for an organization, and nobody else', () => {
    const author = (resourceType: string, entry: Json): unknown =>
      provenanceOf({ resourceType, id: 'x', ...entry }, PRACTICE)?.agent[0];
    const greene = { reference: 'Practitioner/g', type: 'Practitioner' };
    expect(author('Condition', { recorder: greene })).toMatchObject({ who: greene, onBehalfOf: PRACTICE });
    const patient = { reference: 'Patient/p', type: 'Patient' };
    for (const [type, entry] of [
      ['QuestionnaireResponse', { source: patient }],
      ['Goal', { expressedBy: patient }],
    ] as const) {
      expect(author(type, entry)).toMatchObject({ who: patient });
      expect(author(type, entry)).not.toHaveProperty('onBehalfOf');
    }
    expect(author('Condition', {})).toMatchObject({ who: PRACTICE });
    expect(author('Condition', {})).not.toHaveProperty('onBehalfOf');
  });

  it('claims the US Core profile unless it would break its rule that clinicians write for an organization', () => {
    const profiles = (practice: Json | undefined, reference: string): unknown =>
      provenanceOf({ resourceType: 'Condition', id: 'x', recorder: { reference } }, practice)?.meta?.profile;
    expect(profiles(PRACTICE, 'Practitioner/g')).toHaveLength(1);
    expect(profiles(undefined, 'Patient/p')).toHaveLength(1);
    expect(profiles(undefined, 'Practitioner/g')).toBeUndefined();
  });

  it('has the laboratory answer for its report and values, also one that is only a name, and not who ordered them', () => {
    const laboratory = { reference: 'Organization/lab', type: 'Organization', display: 'Valley Lab' };
    const director = { reference: 'Practitioner/d', type: 'Practitioner', display: 'Dr. Dee' };
    const report = {
      resourceType: 'DiagnosticReport',
      id: 'r',
      performer: [director, laboratory],
      resultsInterpreter: [{ reference: 'Practitioner/g', type: 'Practitioner', display: 'Dr. Greene' }],
    };
    expect(provenanceOf(report, PRACTICE)?.agent.map(({ who, onBehalfOf }) => [who, onBehalfOf])).toEqual([
      [laboratory, undefined],
      [director, laboratory],
      [PRACTICE, undefined],
    ]);
    expect(writersIn(recordedOf(report, new Referred([])), 'Clinic')).toBe('Valley Lab, Dr. Dee');
    const outside = { resourceType: 'Observation', id: 'o', performer: [{ display: 'Outside Lab' }] };
    expect(provenanceOf(outside, PRACTICE)?.agent.map(({ who }) => who)).toEqual([
      { display: 'Outside Lab' },
      PRACTICE,
    ]);
  });

  it('is of a Device what its statement says', () => {
    const device = { reference: 'Device/d', type: 'Device' };
    const source = { reference: 'Practitioner/g', type: 'Practitioner' };
    const use = { resourceType: 'DeviceUseStatement', id: 'u', device, source };
    expect(provenanceOf({ resourceType: 'Device', id: 'd' }, PRACTICE)).toBeNull();
    expect(provenanceOf(use, PRACTICE)).toMatchObject({
      target: [{ reference: 'DeviceUseStatement/u' }, device],
      agent: [{ who: source }, {}],
    });
  });

  it('is nobody’s for people, places and signs of withdrawn entries, and unknown without anybody to name', () => {
    for (const resourceType of [
      'Practitioner',
      'Organization',
      'Location',
      'PractitionerRole',
      'Medication',
      'Other',
    ]) {
      expect(provenanceOf({ resourceType, id: 'x' }, PRACTICE)).toBeNull();
    }
    const sign = { resourceType: 'Condition', id: 'x', meta: { security: [{ code: 'REDACTED' }] } };
    expect(provenanceOf(sign, PRACTICE)).toBeNull();
    expect(provenanceOf({ resourceType: 'Condition', id: 'x' }, undefined)).toBeNull();
  });

  it('keeps a time that FHIR takes for an instant, and says of any other that it is unknown', () => {
    const at = (recordedDate: unknown): unknown => {
      const found = provenanceOf({ resourceType: 'Condition', id: 'x', recordedDate }, PRACTICE) as unknown as Json;
      return found['recorded'] ?? JSON.stringify(found['_recorded']);
    };
    expect(at('2026-03-01T10:00:00-05:00')).toBe('2026-03-01T10:00:00-05:00');
    for (const other of ['2026-03-01', '2026', 7, '<script>', undefined]) {
      expect(at(other)).toContain('data-absent-reason');
    }
  });

  it('is told to people by name: all who wrote it, for whom clinicians did, and the day', () => {
    const greene = { resourceType: 'Practitioner', id: 'g', name: [{ text: 'Dr. Nora Greene' }] };
    const written = (entry: Json): unknown[] => {
      const recorded = recordedOf({ resourceType: 'DocumentReference', ...entry }, new Referred([greene]));
      return [writersIn(recorded, 'Clinic'), recorded.on];
    };
    const author = [{ reference: 'Practitioner/nobody' }, { reference: 'Practitioner/g' }, { display: 'Ann Ode' }];
    const custodian = { reference: 'Organization/o', display: 'North Site' };
    expect(written({ author, custodian, date: '2026-03-01' })).toEqual([
      'Dr. Nora Greene, Ann Ode, North Site',
      '2026-03-01',
    ]);
    expect(written({ author })).toEqual(['Dr. Nora Greene, Ann Ode, Clinic', undefined]);
    const clinic = { reference: 'Organization/c', display: 'Clinic' };
    expect(written({ author: [clinic], custodian: clinic })).toEqual(['Clinic', undefined]);
    expect(written({ author: [{ reference: 'Patient/p', display: 'Ana Lopez' }], custodian })).toEqual([
      'Ana Lopez',
      undefined,
    ]);
    const given = { resourceType: 'Immunization', performer: [{ actor: { display: 'Nurse' } }] };
    expect(written({ ...given, recorded: '2026-03-02' })).toEqual(['', '2026-03-02']);
  });

  it('is for the practice as its first site names it', () => {
    const site = { resourceType: 'Location', managingOrganization: PRACTICE };
    expect(practiceOrganization([null, { resourceType: 'HealthcareService' }, site])).toEqual(PRACTICE);
    expect(practiceOrganization([])).toBeUndefined();
    expect(isObject(PRACTICE) && string(PRACTICE, 'type')).toBe('Organization');
  });
});
