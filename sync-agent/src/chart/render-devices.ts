import type { Resource } from 'sync-contract/section-content';
import type { DeviceRow, DeviceRows } from '../openemr/read-devices.js';
import { parseUdiData } from '../openemr/udi-data.js';
import { profileMeta, resource } from './fhir.js';
import { counted, entryCode, hasEnded, newestFirst } from './list-entries.js';
import type { RenderTools } from './render-tools.js';

/**
 * Implanted devices, newest first, each followed by the statement since when the patient has it, for which a Device has
 * no element.
 */
export function renderDevices(rows: DeviceRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const { shown, skipped } = counted(
    newestFirst(rows.devices, (row) => row.begdate ?? row.date).map((row) => renderDevice(row, tools)),
  );
  return { resources: [...shown.flat(), ...tools.people.resources()], skipped };
}

function renderDevice(row: DeviceRow, tools: RenderTools): Resource[] | undefined {
  const type = entryCode(row);
  const elements = parseUdiData(row.udi_data);
  if (type === undefined && row.udi === '' && elements.di === '') {
    return undefined;
  }
  const id = tools.ids.id('lists', row.id);
  const start = tools.time.dateOrDateTime(row.begdate);
  const end = tools.time.dateOrDateTime(row.enddate);
  const active = row.activity !== 0 && !hasEnded(end, tools.readOn);
  const device = resource({
    resourceType: 'Device',
    id,
    meta: profileMeta('us-core-implantable-device'),
    udiCarrier: [{ deviceIdentifier: elements.di, carrierHRF: row.udi }],
    status: active ? 'active' : 'inactive',
    distinctIdentifier: elements.donationId,
    manufacturer: elements.companyName,
    manufactureDate: tools.time.date(elements.manufacturingDate),
    expirationDate: tools.time.date(elements.expirationDate),
    lotNumber: elements.lotNumber,
    serialNumber: elements.serialNumber,
    deviceName: [
      { name: row.title, type: row.title === '' ? '' : 'user-friendly-name' },
      { name: elements.deviceName, type: elements.deviceName === '' ? '' : 'udi-label-name' },
      { name: elements.brandName, type: elements.brandName === '' ? '' : 'manufacturer-name' },
    ],
    modelNumber: elements.versionModelNumber,
    type,
    patient: tools.ids.patient(tools.pid),
    note: [row.comments === '' ? undefined : { text: row.comments }],
  });
  const use = resource({
    resourceType: 'DeviceUseStatement',
    id: tools.ids.id('lists use', row.id),
    status: active ? 'active' : 'completed',
    subject: tools.ids.patient(tools.pid),
    timingPeriod: { start, end },
    recordedOn: tools.time.dateTime(row.date),
    source: tools.people.practitionerNamed(row.user),
    device: { reference: `Device/${id}`, type: 'Device', display: row.title || elements.deviceName },
  });
  return [device, use];
}
