import { boolean, conceptText, list, nested, number, object, ofType, quantityText, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts, timing } from './record-entry.js';
import { recordedOf, type Recorded } from './provenance.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { Referred } from './referred.js';

export interface Immunization extends RecordEntry {
  /** FHIR status: completed, not-done, entered-in-error */
  status: string;
  statusReason: string | undefined;
  given: Timing;
  /** which dose of how many, when the record has it */
  doseNumber: string | undefined;
  amount: string | undefined;
  lot: string | undefined;
  manufacturer: string | undefined;
  expiresOn: string | undefined;
  site: string | undefined;
  route: string | undefined;
  performers: string[];
  recorded: Recorded;
  place: string | undefined;
  /** told by somebody, not given by the practice that wrote it down */
  reported: boolean;
}

/** What an `immunizations` section says, newest first. `current` means that the vaccine was given. */
export function readImmunizations(resources: unknown[], formatNumber: (value: number) => string): Immunization[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Immunization').map((immunization) => readImmunization(immunization, referred, formatNumber)),
    (immunization) => immunization.given.at,
  );
}

function readImmunization(
  immunization: Json,
  referred: Referred,
  formatNumber: (value: number) => string,
): Immunization {
  const status = string(immunization, 'status') ?? '';
  const dose = object(immunization, 'doseQuantity');
  const manufacturer = object(immunization, 'manufacturer');
  return {
    id: string(immunization, 'id') ?? '',
    name: conceptText(object(immunization, 'vaccineCode')) ?? '',
    current: status !== 'not-done' && status !== 'entered-in-error',
    withdrawn: status === 'entered-in-error',
    status,
    statusReason: conceptText(object(immunization, 'statusReason')),
    given: timing(immunization, 'occurrence'),
    doseNumber: doseNumber(list(immunization, 'protocolApplied')[0]),
    // An amount of 0 is how a record without an amount comes.
    amount: number(dose, 'value') === 0 ? undefined : quantityText(dose, formatNumber),
    lot: string(immunization, 'lotNumber'),
    manufacturer: referred.name(manufacturer),
    expiresOn: string(immunization, 'expirationDate'),
    site: conceptText(object(immunization, 'site')),
    route: conceptText(object(immunization, 'route')),
    performers: referred.names(nested(immunization, 'performer', 'actor')),
    recorded: recordedOf(immunization, referred),
    place: referred.name(object(immunization, 'location')),
    reported: boolean(immunization, 'primarySource') === false,
    notes: noteTexts(immunization),
    codes: codesOf(object(immunization, 'vaccineCode')),
  };
}

function doseNumber(protocol: Json | undefined): string | undefined {
  const dose = number(protocol, 'doseNumberPositiveInt') ?? string(protocol, 'doseNumberString');
  const series = number(protocol, 'seriesDosesPositiveInt') ?? string(protocol, 'seriesDosesString');
  return dose === undefined ? undefined : `${String(dose)}${series === undefined ? '' : ` / ${String(series)}`}`;
}
