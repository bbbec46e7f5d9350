import { boolean, conceptText, list, number, object, ofType, quantityText, resolve, string } from './fhir.js';
import type { Json } from './fhir.js';
import { reasonsOf, type Reason } from './reason.js';
import { codesOf, noteTexts } from './record-entry.js';
import type { Code } from './record-entry.js';
import { nameOf } from './referred.js';

export interface Medication {
  id: string;
  name: string;
  active: boolean;
  status: string;
  /** strength or amount per dose, e.g. `10 mg` */
  dose: string | undefined;
  /** how to take it, as the prescriber wrote it */
  instructions: string | undefined;
  frequency: string | undefined;
  route: string | undefined;
  asNeeded: boolean;
  prescriber: string | undefined;
  /** FHIR dateTimes */
  writtenOn: string | undefined;
  startsOn: string | undefined;
  endsOn: string | undefined;
  lastFilledOn: string | undefined;
  /** how many refills the prescription carries, and how many are left when fills are on record */
  refills: { allowed: number; left: number | null } | undefined;
  quantity: string | undefined;
  reasons: Reason[];
  notes: string[];
  codes: Code[];
}

const ACTIVE = new Set(['active', 'on-hold', 'draft']);

/** What a `medications` section says, active first, then newest first. */
export function readMedications(resources: unknown[], formatNumber: (value: number) => string): Medication[] {
  const dispenses = ofType(resources, 'MedicationDispense');
  const everything = resources.filter(
    (resource): resource is Json => typeof resource === 'object' && resource !== null,
  );
  return ofType(resources, 'MedicationRequest')
    .filter((request) => string(request, 'status') !== 'entered-in-error')
    .map((request) => readMedication(request, dispenses, everything, formatNumber))
    .sort(
      (a, b) =>
        Number(b.active) - Number(a.active) ||
        (b.startsOn ?? b.writtenOn ?? '').localeCompare(a.startsOn ?? a.writtenOn ?? '') ||
        a.name.localeCompare(b.name),
    );
}

function readMedication(
  request: Json,
  dispenses: Json[],
  everything: Json[],
  formatNumber: (value: number) => string,
): Medication {
  const dosage = list(request, 'dosageInstruction')[0];
  const supply = object(request, 'dispenseRequest');
  const validity = object(supply, 'validityPeriod');
  const timing = object(dosage, 'timing');
  const bounds = object(object(timing, 'repeat'), 'boundsPeriod');
  const requester = object(request, 'requester');
  const status = string(request, 'status') ?? 'unknown';
  const fills = dispenses.filter((dispense) => fillsRequest(dispense, request));
  const instructions = string(dosage, 'text') ?? string(dosage, 'patientInstruction');
  const frequency = shortFrequency(conceptText(object(timing, 'code')));
  return {
    id: string(request, 'id') ?? '',
    name: medicationName(request, everything) ?? '',
    active: ACTIVE.has(status),
    status,
    dose: doseText(list(dosage, 'doseAndRate')[0], formatNumber),
    instructions,
    frequency: frequency === instructions ? undefined : frequency,
    route: conceptText(object(dosage, 'route')),
    asNeeded: boolean(dosage, 'asNeededBoolean') ?? object(dosage, 'asNeededCodeableConcept') !== undefined,
    prescriber: string(requester, 'display') ?? nameOf(resolve(requester, request, everything)),
    writtenOn: string(request, 'authoredOn'),
    startsOn: string(validity, 'start') ?? string(bounds, 'start'),
    endsOn: string(validity, 'end') ?? string(bounds, 'end'),
    lastFilledOn: fills
      .map((fill) => string(fill, 'whenHandedOver') ?? string(fill, 'whenPrepared') ?? '')
      .sort()
      .findLast((date) => date !== ''),
    refills: readRefills(supply, fills),
    quantity: quantityText(object(supply, 'quantity'), formatNumber),
    reasons: reasonsOf(request),
    notes: noteTexts(request),
    codes: codesOf(
      object(request, 'medicationCodeableConcept'),
      object(resolve(object(request, 'medicationReference'), request, everything), 'code'),
    ),
  };
}

function doseText(dose: Json | undefined, formatNumber: (value: number) => string): string | undefined {
  const range = object(dose, 'doseRange');
  const low = quantityText(object(range, 'low'), formatNumber);
  const high = quantityText(object(range, 'high'), formatNumber);
  const between = low === undefined || high === undefined ? (low ?? high) : `${low} – ${high}`;
  return quantityText(object(dose, 'doseQuantity'), formatNumber) ?? between;
}

/** `Twice daily (bis in die) - Two times a day at institution specified time` → `Twice daily` */
function shortFrequency(words: string | undefined): string | undefined {
  return words?.split(' - ', 1)[0]?.replace(/\s*\([a-z ]+\)$/, '');
}

function medicationName(request: Json, everything: Json[]): string | undefined {
  const reference = object(request, 'medicationReference');
  return (
    conceptText(object(request, 'medicationCodeableConcept')) ??
    string(reference, 'display') ??
    conceptText(object(resolve(reference, request, everything), 'code'))
  );
}

function fillsRequest(dispense: Json, request: Json): boolean {
  const id = string(request, 'id');
  return (
    string(dispense, 'status') === 'completed' &&
    list(dispense, 'authorizingPrescription').some(
      (reference) => id !== undefined && string(reference, 'reference')?.endsWith(`/${id}`) === true,
    )
  );
}

/** The first fill uses no refill. Without fills on record nothing is claimed about how many are left. */
function readRefills(supply: Json | undefined, fills: Json[]): Medication['refills'] {
  const allowed = number(supply, 'numberOfRepeatsAllowed');
  if (allowed === undefined) {
    return undefined;
  }
  return { allowed, left: fills.length === 0 ? null : Math.max(0, allowed - (fills.length - 1)) };
}
