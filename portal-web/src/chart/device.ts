import { conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts, timing } from './record-entry.js';
import { recordedOf, type Recorded } from './provenance.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { Referred, referredId } from './referred.js';

export interface Device extends RecordEntry {
  status: string;
  /** since when the patient has it, and until when */
  used: Timing;
  recorded: Recorded;
  manufacturer: string | undefined;
  model: string | undefined;
  serialNumber: string | undefined;
  lot: string | undefined;
  /** FHIR `distinctIdentifier`: identification of a donation */
  donationId: string | undefined;
  manufacturedOn: string | undefined;
  expiresOn: string | undefined;
  /** device identifier and full carrier text of its unique device identification */
  udi: { identifier: string | undefined; carrier: string | undefined } | null;
}

/** What a `devices` section says, newest first. `current` means that the device is in use, as far as the record knows. */
export function readDevices(resources: unknown[]): Device[] {
  const referred = new Referred(resources);
  const uses = new Map(
    ofType(resources, 'DeviceUseStatement').map((use) => [referredId(object(use, 'device'), 'Device') ?? '', use]),
  );
  return newestFirst(
    ofType(resources, 'Device').map((device) => readDevice(device, uses.get(string(device, 'id') ?? ''), referred)),
    (device) => device.used.at ?? device.manufacturedOn,
  );
}

/** OpenEMR's own title is the name that people know the device by. */
const NAMES_FIRST = 'user-friendly-name';

function readDevice(device: Json, use: Json | undefined, referred: Referred): Device {
  const status = string(device, 'status') ?? '';
  const carrier = list(device, 'udiCarrier')[0];
  const names = list(device, 'deviceName');
  return {
    id: string(device, 'id') ?? '',
    name:
      string(
        names.find((name) => string(name, 'type') === NAMES_FIRST),
        'name',
      ) ??
      conceptText(object(device, 'type')) ??
      names.map((name) => string(name, 'name')).find((name) => name !== undefined) ??
      '',
    current: status !== 'inactive' && status !== 'entered-in-error',
    withdrawn: status === 'entered-in-error',
    status,
    used: timing(use ?? {}, 'timing'),
    recorded: recordedOf(use ?? {}, referred),
    manufacturer: string(device, 'manufacturer'),
    model: string(device, 'modelNumber'),
    serialNumber: string(device, 'serialNumber'),
    lot: string(device, 'lotNumber'),
    donationId: string(device, 'distinctIdentifier'),
    manufacturedOn: string(device, 'manufactureDate'),
    expiresOn: string(device, 'expirationDate'),
    udi:
      carrier === undefined
        ? null
        : { identifier: string(carrier, 'deviceIdentifier'), carrier: string(carrier, 'carrierHRF') },
    notes: noteTexts(device),
    codes: codesOf(object(device, 'type')),
  };
}
