import { describe, expect, it } from '@jest/globals';
import { readAppointments, splitByTime } from './appointment.js';

const NOW = Date.parse('2026-11-22T15:00:00Z');
const appointment = (id: string, start: string, extra: object = {}): object => ({
  resourceType: 'Appointment',
  id,
  status: 'booked',
  start,
  ...extra,
});

describe('appointments', () => {
  it('to come stand next first; one under way is still to come; cancelled ones never are', () => {
    const split = splitByTime(
      readAppointments([
        appointment('later', '2026-12-24T15:00:00Z'),
        appointment('soon', '2026-11-23T15:00:00Z'),
        appointment('now', '2026-11-22T14:50:00Z', { end: '2026-11-22T15:10:00Z' }),
        appointment('off', '2026-11-24T15:00:00Z', { status: 'cancelled' }),
        appointment('past', '2026-11-01T15:00:00Z'),
        appointment('undated', ''),
      ]),
      NOW,
    );
    expect(split.upcoming.map(({ id }) => id)).toEqual(['now', 'soon', 'later']);
    expect(split.rest.map(({ id }) => id)).toEqual(['off', 'past', 'undated']);
  });

  it('keep the clinic’s own words for a state, and repeat no title', () => {
    const [read] = readAppointments([
      appointment('a', '2026-12-01T14:00:00Z', {
        appointmentType: { text: 'Office visit' },
        description: 'Office visit',
        _status: { extension: [{ valueString: 'Letter sent' }] },
      }),
    ]);
    expect(read).toMatchObject({ name: 'Office visit', comment: undefined, statusWords: 'Letter sent' });
  });

  it('say with whom and where, with address, telephone and directions', () => {
    const [read] = readAppointments([
      appointment('a', '2026-12-01T14:00:00Z', {
        participant: [
          { actor: { reference: 'Patient/p' } },
          { actor: { reference: 'Practitioner/d', display: 'Dr. Greene' } },
          { actor: { reference: 'Location/l' } },
        ],
      }),
      {
        resourceType: 'Location',
        id: 'l',
        name: 'Main office',
        description: 'Door at the back',
        telecom: [{ system: 'phone', value: '555-0100' }],
        address: { line: ['1 Way'], city: 'Town', state: 'MA', postalCode: '01' },
      },
    ]);
    expect(read).toMatchObject({
      people: ['Dr. Greene'],
      place: { name: 'Main office', address: ['1 Way', 'Town, MA 01'], phones: ['555-0100'] },
      directions: 'Door at the back',
    });
  });
});
