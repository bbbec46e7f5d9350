import { readAllergies } from '../chart/allergy.js';
import { readDevices } from '../chart/device.js';
import { readImmunizations } from '../chart/immunization.js';
import { readMedications } from '../chart/medication.js';
import { readProblems } from '../chart/problem.js';
import { readProcedures } from '../chart/procedure.js';
import { readProfile, type ContactPoint, type RelatedPerson } from '../chart/profile.js';
import { reasonWords } from '../chart/reason.js';
import { readSocialHistory } from '../chart/social-history.js';
import { text } from '../text.js';
import { entryTable, facts, lines, type Block, type SheetTools } from './sheet.js';

const day = (tools: SheetTools, value: string | undefined): string | undefined =>
  value === undefined ? undefined : tools.dates.day(value);

const longDay = (tools: SheetTools, value: string | undefined): string | undefined =>
  value === undefined ? undefined : tools.dates.day(value, 'long');

export function profileBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const profile = readProfile(resources);
  const words = text.profile;
  return profile === null
    ? []
    : [
        facts(
          [words.name, profile.name],
          [words.earlierNames, profile.earlierNames],
          [words.birthDate, longDay(tools, profile.birthDate)],
          [words.gender, profile.gender === undefined ? null : (words.genders[profile.gender] ?? profile.gender)],
          [words.saidSex, profile.saidSex],
          [words.genderIdentity, profile.genderIdentity],
          [words.pronouns, profile.pronouns],
          [words.deceased, profile.deceased === true ? words.deceasedUndated : longDay(tools, profile.deceased)],
          [words.maritalStatus, profile.maritalStatus],
          [words.language, profile.languages],
          [words.interpreter, profile.interpreter],
          [words.race, profile.race],
          [words.ethnicity, profile.ethnicity],
          [words.tribes, profile.tribes],
          [words.recordNumber, profile.recordNumber],
          [words.clinician, profile.clinician],
          ...profile.addresses.map((address) => [words.address, address.join('\n')] as const),
          ...profile.contacts.map((contact) => [contactLabel(contact), contact.value] as const),
        ),
        ...relatedBlocks(profile.related),
      ];
}

function contactLabel({ kind, use }: ContactPoint): string {
  const { contactKinds, contactUses } = text.profile;
  const words = contactKinds[kind] ?? kind;
  return use === undefined ? words : `${words} (${contactUses[use] ?? use})`;
}

function relatedBlocks(related: readonly RelatedPerson[]): Block[] {
  const words = text.profile;
  return related.length === 0
    ? []
    : [
        { kind: 'heading', words: words.related },
        facts(
          ...related.map(
            ({ name, roles, contacts, addresses }) =>
              [
                name ?? roles[0] ?? words.relatedUnnamed,
                lines(
                  ['', name === undefined ? [] : roles],
                  ...contacts.map((contact) => [contactLabel(contact), contact.value] as const),
                  ...addresses.map((address) => [words.address, address.join(', ')] as const),
                ),
              ] as const,
          ),
        ),
      ];
}

export function problemBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.problems;
  return [
    entryTable(
      readProblems(resources),
      ({ onset, recorded }) => tools.timing(onset) ?? day(tools, recorded.on),
      (problem) => [
        ['', words.status(problem.status)],
        ['', words.verification(problem.verification)],
        ['', problem.kind === 'problem' ? null : words.kind(problem.kind)],
        [words.severity, problem.severity],
        [words.bodySite, problem.bodySites],
        [words.abatement, tools.timing(problem.abatement)],
        tools.recorded(problem.recorded),
      ],
    ),
  ];
}

export function allergyBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.allergies;
  return [
    entryTable(
      readAllergies(resources),
      ({ onset, recorded }) => tools.timing(onset) ?? day(tools, recorded.on),
      (allergy) => [
        ['', words.status(allergy.status)],
        ['', words.verification(allergy.verification)],
        ['', allergy.criticality === 'high' ? words.highRisk : null],
        ['', allergy.type === 'intolerance' ? words.intolerance : null],
        [
          words.reaction,
          allergy.reactions.map(({ manifestations, severity, description }) =>
            [...manifestations, severity === undefined ? '' : words.severity(severity), description ?? '']
              .filter((part) => part !== '')
              .join(', '),
          ),
        ],
        [words.category, words.categories(allergy.categories)],
        [words.lastOccurrence, day(tools, allergy.lastOccurrence)],
        tools.recorded(allergy.recorded),
      ],
    ),
  ];
}

export function medicationBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.medications;
  return [
    entryTable(
      readMedications(resources, tools.number).map((medication) => ({
        ...medication,
        current: medication.active,
        withdrawn: false,
      })),
      ({ writtenOn, startsOn }) => day(tools, startsOn ?? writtenOn),
      (medication) => [
        ['', words.status(medication.status)],
        [words.instructions, medication.instructions],
        [words.dose, medication.dose],
        [words.frequency, medication.frequency],
        [words.route, medication.route],
        ['', medication.asNeeded ? words.asNeeded : null],
        [words.ends, day(tools, medication.endsOn)],
        [words.prescriber, medication.prescriber],
        [words.quantity, medication.quantity],
        medication.refills === undefined || medication.refills.left === null
          ? [words.refills, medication.refills === undefined ? null : tools.number(medication.refills.allowed)]
          : [words.refillsLeft, words.refillsOf(medication.refills.left, medication.refills.allowed)],
        [words.lastFilled, day(tools, medication.lastFilledOn)],
        [words.reason, reasonWords(medication.reasons, tools.problemOfCode)],
      ],
    ),
  ];
}

export function immunizationBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.immunizations;
  return [
    entryTable(
      readImmunizations(resources, tools.number),
      ({ given }) => tools.timing(given),
      (entry) => [
        ['', entry.current ? null : words.notDone],
        ['', entry.statusReason],
        ['', entry.reported ? words.reported : null],
        [words.dose, entry.doseNumber],
        [words.amount, entry.amount],
        [words.lot, entry.lot],
        [words.manufacturer, entry.manufacturer],
        [words.expires, day(tools, entry.expiresOn)],
        [words.site, entry.site],
        [words.route, entry.route],
        [words.by, entry.performers],
        tools.recorded(entry.recorded),
        [words.at, entry.place],
      ],
    ),
  ];
}

export function procedureBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.procedures;
  return [
    entryTable(
      readProcedures(resources),
      ({ performed }) => tools.timing(performed),
      (procedure) => [
        ['', words.status(procedure.status)],
        [words.by, procedure.performers],
        tools.recorded(procedure.recorded),
        [words.place, procedure.place],
        [words.reason, procedure.reasons],
        [words.bodySite, procedure.bodySites],
        [words.outcome, procedure.outcome],
        [words.report, procedure.report],
      ],
    ),
  ];
}

export function deviceBlocks(resources: unknown[], tools: SheetTools): Block[] {
  const words = text.devices;
  return [
    entryTable(
      readDevices(resources),
      ({ used }) => tools.timing(used),
      (device) => [
        ['', device.current || device.withdrawn ? null : words.inactive],
        [words.manufacturer, device.manufacturer],
        [words.model, device.model],
        [words.serial, device.serialNumber],
        [words.lot, device.lot],
        [words.donation, device.donationId],
        [words.made, day(tools, device.manufacturedOn)],
        [words.expires, day(tools, device.expiresOn)],
        [words.udi, device.udi?.carrier ?? device.udi?.identifier],
        tools.recorded(device.recorded),
      ],
    ),
  ];
}

export function socialHistoryBlocks(resources: unknown[], tools: SheetTools): Block[] {
  return [
    entryTable(
      readSocialHistory(resources, tools.number, tools.yesNo),
      ({ effective }) => tools.timing(effective),
      (fact) => [['', fact.value], ['', day(tools, fact.day)], tools.recorded(fact.recorded)],
    ),
  ];
}
