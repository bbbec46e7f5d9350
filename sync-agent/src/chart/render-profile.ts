import type { Resource } from 'sync-contract/section-content';
import type { PatientRow, PreviousNameRow, ProfileRows } from '../openemr/read-profile.js';
import { keptAddress, renderRelatedPersons } from './render-related-persons.js';
import type { RenderTools } from './render-tools.js';
import { splitOptions } from '../openemr/read-profile.js';
import type { ClinicTime } from './clinic-time.js';
import { choiceConcept, parseCodes, type ListOptions } from './coded-values.js';
import { profileMeta, resource, SYSTEMS, usCore, type CodeableConcept, type Coding } from './fhir.js';

/** The US Core Patient, without the social security number, related persons, and the patient's own practitioner. */
export function renderProfile(rows: ProfileRows, tools: RenderTools): Resource[] {
  return [renderPatient(rows, tools), ...renderRelatedPersons(rows, tools), ...tools.people.resources()];
}

function renderPatient({ patient, previousNames, furtherAddresses }: ProfileRows, tools: RenderTools): Resource {
  const deceased = tools.time.dateOrDateTime(patient.deceased_date);
  return resource({
    resourceType: 'Patient',
    id: tools.ids.id('patient_data', patient.pid),
    meta: profileMeta('us-core-patient'),
    extension: patientExtensions(patient, tools.options),
    identifier: [
      patient.pubpid === ''
        ? undefined
        : {
            use: 'official',
            type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'PT' }] },
            system: `urn:uuid:${tools.siteId}`,
            value: patient.pubpid,
          },
    ],
    active: true,
    name: [...currentNames(patient), ...previousNames.map((row) => previousName(row, tools.time))],
    telecom: [
      telecom('phone', patient.phone_home, 'home'),
      telecom('phone', patient.phone_biz, 'work'),
      telecom('phone', patient.phone_cell, 'mobile'),
      telecom('email', patient.email, 'home'),
      patient.email_direct === patient.email ? undefined : telecom('email', patient.email_direct),
    ],
    gender: gender(patient.sex),
    birthDate: tools.time.date(patient.DOB),
    deceasedBoolean: deceased === undefined ? false : undefined,
    deceasedDateTime: deceased,
    address: [
      {
        use: 'home',
        type: 'both',
        line: [patient.street, patient.street_line_2],
        city: patient.city,
        district: patient.county,
        state: patient.state,
        postalCode: patient.postal_code,
        country: patient.country_code,
      },
      ...furtherAddresses.map((row) => keptAddress(row, tools.time)),
    ].filter(({ line, city, postalCode }) => [...line, city, postalCode].some((part) => part !== '')),
    maritalStatus: maritalStatus(patient.status, tools.options),
    contact: [emergencyContact(patient), guardian(patient)],
    communication: [language(patient.language, tools.options)],
    generalPractitioner: [tools.people.practitioner(patient.providerID)],
  });
}

function currentNames(patient: PatientRow): unknown[] {
  return [
    {
      use: 'official',
      family: patient.lname,
      given: [patient.fname, patient.mname],
      prefix: [patient.title],
      suffix: [patient.suffix],
    },
    patient.preferred_name === '' ? undefined : { use: 'usual', text: patient.preferred_name },
    patient.birth_fname + patient.birth_lname === ''
      ? undefined
      : { use: 'maiden', family: patient.birth_lname, given: [patient.birth_fname, patient.birth_mname] },
  ];
}

function previousName(row: PreviousNameRow, time: ClinicTime): unknown {
  return {
    use: 'old',
    family: row.previous_name_last,
    given: [row.previous_name_first, row.previous_name_middle],
    prefix: [row.previous_name_prefix],
    suffix: [row.previous_name_suffix],
    period: { end: time.date(row.previous_name_enddate) },
  };
}

function telecom(system: string, value: string, use?: string): unknown {
  return value === '' ? undefined : { system, value, use };
}

function emergencyContact(patient: PatientRow): unknown {
  return patient.contact_relationship + patient.phone_contact === ''
    ? undefined
    : {
        relationship: [contactRole('C', 'Emergency Contact')],
        name: { text: patient.contact_relationship },
        telecom: [telecom('phone', patient.phone_contact)],
      };
}

function guardian(patient: PatientRow): unknown {
  return patient.guardiansname === ''
    ? undefined
    : {
        relationship: [
          {
            coding: [
              { system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'GUARD', display: 'guardian' },
            ],
            text: patient.guardianrelationship,
          },
        ],
        name: { text: patient.guardiansname },
        telecom: [
          telecom('phone', patient.guardianphone, 'home'),
          telecom('phone', patient.guardianworkphone, 'work'),
          telecom('email', patient.guardianemail),
        ],
        address: {
          line: [patient.guardianaddress],
          city: patient.guardiancity,
          state: patient.guardianstate,
          postalCode: patient.guardianpostalcode,
          country: patient.guardiancountry,
        },
      };
}

function contactRole(code: string, display: string): CodeableConcept {
  return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0131', code, display }] };
}

function gender(sex: string): string {
  const word = sex.toLowerCase();
  return word === 'female' || word === 'male' ? word : 'unknown';
}

function maritalStatus(stored: string, options: ListOptions): CodeableConcept | undefined {
  const text = options.title('marital', stored);
  const code = options.find('marital', stored)?.notes ?? '';
  const coding = /^[A-Z]$/.test(code)
    ? [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', code, display: text }]
    : [];
  return text === '' ? undefined : { coding, text };
}

function language(stored: string, options: ListOptions): unknown {
  const text = options.title('language', stored);
  const code = options.find('language', stored)?.notes ?? '';
  const coding = code === '' ? [] : [{ system: 'urn:ietf:bcp:47', code, display: text }];
  return text === '' ? undefined : { language: { coding, text }, preferred: true };
}

const CDC_RACE_AND_ETHNICITY = 'urn:oid:2.16.840.1.113883.6.238';
const OMB_CATEGORIES: readonly string[] = ['1002-5', '2028-9', '2054-5', '2076-8', '2106-3', '2135-2', '2186-5'];

const BIRTH_SEXES: ReadonlyMap<string, string> = new Map([
  ['female', 'F'],
  ['male', 'M'],
  ['unk', 'UNK'],
]);

function patientExtensions(patient: PatientRow, options: ListOptions): unknown[] {
  const birthSex = BIRTH_SEXES.get(patient.sex.toLowerCase());
  return [
    birthSex === undefined ? undefined : { url: usCore('us-core-birthsex'), valueCode: birthSex },
    originExtension('us-core-race', 'race', splitOptions(patient.race), options),
    originExtension('us-core-ethnicity', 'ethnicity', splitOptions(patient.ethnicity), options),
    ...splitOptions(patient.tribal_affiliations).map((tribe) => tribalAffiliation(tribe, options)),
    sexExtension(patient.sex_identified, options),
    genderIdentity(patient.gender_identity, options),
    pronouns(patient.pronoun, options),
    interpreterNeeded(patient.interpreter_needed),
  ];
}

/** Race and ethnicity: a census category, a detailed code, or "asked but declined"; the words always. */
function originExtension(name: string, list: string, stored: string[], options: ListOptions): unknown {
  if (stored.length === 0) {
    return undefined;
  }
  const codings = stored.flatMap((option) => {
    const code = options.find(list, option)?.notes ?? '';
    const display = options.title(list, option);
    if (option.startsWith('decline')) {
      const declined = { system: SYSTEMS.nullFlavor, code: 'ASKU', display: 'asked but unknown' };
      return [{ url: 'ombCategory', valueCoding: declined }];
    }
    const url = OMB_CATEGORIES.includes(code) ? 'ombCategory' : 'detailed';
    return code === '' ? [] : [{ url, valueCoding: { system: CDC_RACE_AND_ETHNICITY, code, display } }];
  });
  const text = stored.map((option) => options.title(list, option)).join(', ');
  return { url: usCore(name), extension: [...codings, { url: 'text', valueString: text }] };
}

const YES_OR_NO: ReadonlyMap<string, Coding> = new Map([
  ['yes', { system: SYSTEMS.snomed, code: '373066001', display: 'Yes' }],
  ['no', { system: SYSTEMS.snomed, code: '373067005', display: 'No' }],
]);

function interpreterNeeded(stored: string): unknown {
  const coding = YES_OR_NO.get(stored.toLowerCase());
  return coding === undefined ? undefined : { url: usCore('us-core-interpreter-needed'), valueCoding: coding };
}

const TRIBAL_ENTITIES = 'http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS';

/** The options of OpenEMR's list are the codes of tribal entities. */
function tribalAffiliation(stored: string, options: ListOptions): unknown {
  const text = options.title('tribal_affiliations', stored);
  const coding =
    options.find('tribal_affiliations', stored) === undefined
      ? []
      : [{ system: TRIBAL_ENTITIES, code: stored, display: text }];
  return {
    url: usCore('us-core-tribal-affiliation'),
    extension: [{ url: 'tribalAffiliation', valueCodeableConcept: { coding, text } }],
  };
}

/** The sex that the patient says; what was recorded at birth stands by itself. */
function sexExtension(stored: string, options: ListOptions): unknown {
  const display = options.title('administrative_sex', stored);
  const [code] = parseCodes(options.find('administrative_sex', stored)?.codes ?? '');
  return display === '' ? undefined : { url: usCore('us-core-sex'), valueCoding: { ...code?.coding, display } };
}

function genderIdentity(stored: string, options: ListOptions): unknown {
  const valueCodeableConcept = choiceConcept('gender_identity', stored, options);
  return valueCodeableConcept === undefined
    ? undefined
    : { url: usCore('us-core-genderIdentity'), valueCodeableConcept };
}

function pronouns(stored: string, options: ListOptions): unknown {
  const valueCodeableConcept = choiceConcept('pronoun', stored, options);
  return valueCodeableConcept === undefined
    ? undefined
    : {
        url: 'http://hl7.org/fhir/StructureDefinition/individual-pronouns',
        extension: [{ url: 'value', valueCodeableConcept }],
      };
}
