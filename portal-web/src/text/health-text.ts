import type { ProblemKind } from '../chart/problem.js';
import { count } from './locale.js';

const CLINICAL: Record<string, string> = {
  active: 'Active',
  recurrence: 'Active again',
  relapse: 'Active again',
  inactive: 'Inactive',
  remission: 'In remission',
  resolved: 'Resolved',
};

/** What is confirmed needs no word; a word of the practice's own stands as it is. */
function verificationWords(status: string): string | null {
  return status === '' || status === 'confirmed' || status === 'entered-in-error'
    ? null
    : (VERIFICATION[status] ?? status);
}

const VERIFICATION: Record<string, string> = {
  unconfirmed: 'Not confirmed',
  provisional: 'Provisional',
  differential: 'One of several possibilities',
  refuted: 'Ruled out',
};

const PROBLEM_KINDS: Record<ProblemKind, string> = {
  problem: 'Current',
  concern: 'Health concerns',
  'visit-diagnosis': 'Diagnoses made at visits',
};

const SEVERITY: Record<string, string> = { mild: 'Mild', moderate: 'Moderate', severe: 'Severe' };

const ALLERGY_CATEGORIES: Record<string, string> = {
  food: 'Food',
  medication: 'Medication',
  environment: 'Environment',
  biologic: 'Biologic',
};

const PROCEDURE_STATUS: Record<string, string> = {
  preparation: 'Planned',
  'in-progress': 'Under way',
  'not-done': 'Not done',
  'on-hold': 'On hold',
  stopped: 'Stopped',
  unknown: 'Status not known',
};

export const problemsText = {
  title: 'Health problems',
  none: 'Your record has no health problems.',
  kind: (kind: ProblemKind) => PROBLEM_KINDS[kind],
  status: (status: string) => CLINICAL[status] ?? status,
  verification: verificationWords,
  onset: 'Since',
  abatement: 'Until',
  severity: 'Severity',
  bodySite: 'Where',
  past: (n: number) => `Past and inactive (${count.format(n)})`,
  noneCurrent: 'No current health problems on record.',
};

export const allergiesText = {
  title: 'Allergies',
  lead: 'Tell everybody who treats you about your allergies. If one is missing here, tell your clinic.',
  none: 'Your record has no allergies. If you have one, tell your clinic.',
  status: (status: string) => CLINICAL[status] ?? status,
  verification: verificationWords,
  severity: (severity: string) => SEVERITY[severity] ?? severity,
  severe: 'Severe',
  highRisk: 'High risk',
  intolerance: 'Intolerance',
  reaction: 'Reaction',
  noReaction: 'No reaction on record',
  category: 'Kind',
  categories: (categories: readonly string[]) => categories.map((each) => ALLERGY_CATEGORIES[each] ?? each).join(', '),
  onset: 'Since',
  lastOccurrence: 'Last reaction',
  past: (n: number) => `Past and inactive (${count.format(n)})`,
  noneCurrent: 'No current allergies on record.',
};

export const immunizationsText = {
  title: 'Immunizations',
  none: 'Your record has no immunizations.',
  noneCurrent: 'No immunizations given on record.',
  past: (n: number) => `Not given, and entered by mistake (${count.format(n)})`,
  notDone: 'Not given',
  reported: 'Told to the clinic',
  given: 'Given',
  reason: 'Reason',
  dose: 'Dose',
  amount: 'Amount',
  lot: 'Lot',
  manufacturer: 'Manufacturer',
  expires: 'Lot expires',
  site: 'Site',
  route: 'Route',
  by: 'Given by',
  at: 'Given at',
  toRecord: 'Immunization record to print',
  recordTitle: 'Immunization record',
  recordLead: 'For schools, work and travel. It lists every immunization your clinic has on record as given.',
  recordOf: 'Name',
  birthDate: 'Date of birth',
  practice: 'Clinic',
  vaccine: 'Vaccine',
  date: 'Date',
  lotAndMaker: 'Lot, manufacturer',
  givenBy: 'Given by',
  signature: 'Signature and stamp of the clinic',
  asOf: (time: string) => `From the clinic’s record as of ${time}. Printed from the patient portal.`,
  notPrintable: 'The record cannot be made right now: your name and immunizations must both be here and up to date.',
  backToList: 'Immunizations',
};

export const proceduresText = {
  title: 'Procedures',
  none: 'Your record has no procedures.',
  noneCurrent: 'No procedures carried out on record.',
  past: (n: number) => `Not done, and entered by mistake (${count.format(n)})`,
  status: (status: string) => PROCEDURE_STATUS[status] ?? null,
  performed: 'When',
  by: 'By',
  place: 'Where',
  reason: 'Reason',
  bodySite: 'Body site',
  outcome: 'Outcome',
  report: 'Report',
};

export const devicesText = {
  title: 'Implants and devices',
  none: 'Your record has no implants or devices.',
  noneCurrent: 'No implants or devices in use on record.',
  past: (n: number) => `No longer in use (${count.format(n)})`,
  inactive: 'No longer in use',
  manufacturer: 'Manufacturer',
  model: 'Model',
  serial: 'Serial number',
  lot: 'Lot',
  donation: 'Donation number',
  made: 'Made',
  expires: 'Expires',
  udi: 'Unique device identifier',
};
