import { describe, expect, it } from '@jest/globals';
import { readDevices } from './device.js';

describe('implants and devices', () => {
  it('go by the name people know, and say since when they are in use', () => {
    const [device, other] = readDevices([
      { resourceType: 'Device', id: 'b', status: 'inactive', type: { text: 'Pump' } },
      {
        resourceType: 'Device',
        id: 'a',
        status: 'active',
        type: { text: 'Cardiac pacemaker, implantable' },
        deviceName: [
          { name: 'AC-200', type: 'udi-label-name' },
          { name: 'My pacemaker', type: 'user-friendly-name' },
        ],
        udiCarrier: [{ deviceIdentifier: '0064', carrierHRF: '(01)0064' }],
      },
      {
        resourceType: 'DeviceUseStatement',
        id: 'u',
        device: { reference: 'Device/a' },
        timingPeriod: { start: '2015-02-03' },
        recordedOn: '2015-02-04T09:00:00-05:00',
        source: { reference: 'Practitioner/g', display: 'Dr. Greene' },
      },
    ]);
    expect(device).toMatchObject({
      id: 'a',
      name: 'My pacemaker',
      current: true,
      used: { at: '2015-02-03', until: undefined },
      recorded: { by: ['Dr. Greene'], forPractice: true, on: '2015-02-04T09:00:00-05:00' },
      udi: { identifier: '0064', carrier: '(01)0064' },
    });
    expect(other).toMatchObject({ id: 'b', name: 'Pump', current: false });
  });
});
