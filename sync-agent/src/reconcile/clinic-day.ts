import { DateTime } from 'luxon';

/**
 * The day to which the clinic's hour belongs: it begins at the configured hour, so that a night that was missed is made
 * up for until the next one. @param clinicNow the clinic's wall clock, `yyyy-MM-dd HH:mm:ss`
 */
export function reconciliationDay(clinicNow: string, hour: number): string {
  return DateTime.fromSQL(clinicNow, { zone: 'utc' }).minus({ hours: hour }).toFormat('yyyy-MM-dd');
}
