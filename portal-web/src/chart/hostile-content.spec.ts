import { describe, expect, it } from '@jest/globals';
import { readAllergies } from './allergy.js';
import { readAppointments, splitByTime } from './appointment.js';
import { readAssessments } from './assessment.js';
import { readCarePlans, readCareTeams, readGoals } from './care.js';
import { readCoverages } from './coverage.js';
import { readDevices } from './device.js';
import { readEncounters } from './encounter.js';
import { readImmunizations } from './immunization.js';
import { readPractice } from './practice-info.js';
import { provenanceOf } from './provenance.js';
import { readProblems } from './problem.js';
import { readProcedures } from './procedure.js';
import { readProfile } from './profile.js';
import { readSocialHistory } from './social-history.js';
import { byMoment, latestOfEachKind, readVitals } from './vital.js';
import { readNotes, readReports } from './written.js';

const yesNo = (value: boolean): string => (value ? 'Yes' : 'No');

const READERS: [string, (resources: unknown[]) => unknown[]][] = [
  ['Condition', (all) => readProblems(all)],
  ['AllergyIntolerance', (all) => readAllergies(all)],
  ['Immunization', (all) => readImmunizations(all, String)],
  ['Procedure', (all) => readProcedures(all)],
  ['Device', (all) => readDevices(all)],
  ['CareTeam', (all) => readCareTeams(all)],
  ['CarePlan', (all) => readCarePlans(all)],
  ['Goal', (all) => readGoals(all)],
  ['Coverage', (all) => readCoverages(all, String)],
  ['Encounter', (all) => readEncounters(all)],
  ['DocumentReference', (all) => readNotes(all)],
  ['DiagnosticReport', (all) => readReports(all)],
  ['QuestionnaireResponse', (all) => readAssessments(all, String, yesNo)],
  ['Appointment', (all) => splitByTime(readAppointments(all), 0).rest],
];

/** Every key any reader looks at, so that each gets the junk. */
const KEYS = (
  'id name code status clinicalStatus verificationStatus category severity bodySite note recorder asserter encounter ' +
  'onsetDateTime onsetPeriod onsetAge abatementDateTime recordedDate criticality type reaction lastOccurrence ' +
  'vaccineCode occurrenceDateTime doseQuantity protocolApplied manufacturer performer location site route lotNumber ' +
  'performedPeriod performedDateTime reasonCode reasonReference outcome report udiCarrier deviceName participant ' +
  'description activity goal period author lifecycleStatus achievementStatus target expressedBy payor class identifier ' +
  'subscriberId relationship costToBeneficiary order serviceProvider hospitalization diagnosis content presentedForm ' +
  'docStatus context date issued effectiveDateTime conclusion item authored _questionnaire start end comment ' +
  'appointmentType serviceType valueQuantity valueString component hasMember text telecom address hoursOfOperation ' +
  'custodian recorded recordedOn created requester source resultsInterpreter device'
).split(' ');

const JUNK: unknown[] = [null, 0, -1, true, '', ' ', '0000-00-00', [], [[]], [null, 7, 'x', {}], {}, { coding: 'x' }];

describe('a section with content nobody expects', () => {
  it.each(READERS)('never stops the page: %s', (resourceType, read) => {
    for (const junk of JUNK) {
      const resource = { ...Object.fromEntries(KEYS.map((key) => [key, junk])), resourceType };
      expect(read([resource, null, 7, [], 'x', { resourceType }]).length).toBe(2);
    }
  });

  it.each(READERS)('never stops the download, which says who wrote it down: %s', (read) => {
    const resourceType = read === 'Device' ? 'DeviceUseStatement' : read;
    for (const junk of JUNK) {
      const resource = { ...Object.fromEntries(KEYS.map((key) => [key, junk])), resourceType, id: 'x' };
      expect(provenanceOf(resource, undefined)).toBeNull();
      const [author] = provenanceOf(resource, { reference: 'Organization/o' })?.agent ?? [];
      expect(author?.who.reference).toBe('Organization/o');
    }
  });

  it('never stops the profile, and names nobody', () => {
    for (const junk of JUNK) {
      const odd = Object.fromEntries(
        [...KEYS, 'contact', 'relationship', 'extension', 'name'].map((key) => [key, junk]),
      );
      const profile = readProfile([
        { ...odd, resourceType: 'Patient' },
        { ...odd, resourceType: 'RelatedPerson' },
        null,
      ]);
      expect(profile).toMatchObject({ tribes: [], pronouns: undefined, interpreter: undefined });
    }
  });

  it('has no measurement in it', () => {
    for (const junk of JUNK) {
      const odd = { ...Object.fromEntries(KEYS.map((key) => [key, junk])), resourceType: 'Observation' };
      const readings = readVitals([odd, null, 3], (part) => part);
      expect(latestOfEachKind(byMoment(readings).flatMap(({ readings: all }) => all)).length).toBeLessThan(2);
      expect(readSocialHistory([odd], String, yesNo).length).toBeLessThan(2);
      expect(readPractice([odd, { ...odd, resourceType: 'Location' }]).people).toEqual([]);
    }
  });
});
