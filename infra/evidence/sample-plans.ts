import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import { AppointmentRow } from 'sync-agent/src/openemr/read-appointments';
import { InsuranceRow, InsurerRow } from 'sync-agent/src/openemr/read-coverage';
import { filled, option } from './sample-row.js';

export const SAMPLE_PLAN_OPTIONS = [
  option('apptstat', 'x', '', ''),
  option('apptstat', 'SMS', '', ''),
  option('sub_relation', 'child', '', ''),
];

export function sampleAppointments(): NonNullable<ChartRows['appointments']> {
  const appointment = (pc_eid: number, given: Record<string, unknown>): AppointmentRow =>
    filled(AppointmentRow, {
      ...{ pc_eid, pc_aid: '1', pc_eventDate: '2026-07-06', pc_endDate: null, pc_duration: 1800, pc_recurrtype: 0 },
      ...{ pc_recurrspec: '', pc_startTime: '09:00:00', pc_endTime: '09:30:00', pc_apptstatus: '*', pc_facility: 2 },
      ...{ pc_catid: 5, pc_constant_id: 'office_visit', pc_catname: 'Office Visit', ...given },
    });
  const weekly = 'a:2:{s:17:"event_repeat_freq";s:1:"1";s:22:"event_repeat_freq_type";s:1:"1";}';
  return {
    appointments: [
      appointment(1, {}),
      appointment(2, { pc_apptstatus: 'x', pc_endTime: '09:00:00' }),
      appointment(3, { pc_apptstatus: 'SMS' }),
      appointment(4, { pc_recurrtype: 1, pc_recurrspec: weekly, pc_endDate: '2026-07-20' }),
    ],
  };
}

export function sampleCoverage(): NonNullable<ChartRows['coverage']> {
  const insurance = (id: number, given: Record<string, unknown>): InsuranceRow =>
    filled(InsuranceRow, {
      ...{ id, type: 'primary', provider: '9', policy_number: 'MEMBER-0815', subscriber_relationship: 'child' },
      ...{ copay: '20.00', date: '2026-01-01', date_end: '2026-12-31', ...given },
    });
  return {
    insurances: [
      insurance(1, {}),
      insurance(2, { type: 'secondary', provider: '', subscriber_relationship: 'cousin', date_end: '2026-02-28' }),
    ],
    insurers: [filled(InsurerRow, { id: 9, cqm_sop: 349, ins_type_code: 2 })],
  };
}
