/** OpenEMR keeps naive wall-clock times of the clinic; these helpers go from an instant to that wall clock. */

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterFor(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) {
    return known;
  }
  const formatter = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formatters.set(timeZone, formatter);
  return formatter;
}

/** `2026-11-22 14:05:09` in the zone. */
export function toClinicDateTime(instant: Date, timeZone: string): string {
  const parts = new Map(
    formatterFor(timeZone)
      .formatToParts(instant)
      .map(({ type, value }) => [type, value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  return (
    `${part('year').padStart(4, '0')}-${part('month')}-${part('day')} ` +
    `${part('hour')}:${part('minute')}:${part('second')}`
  );
}

export function toClinicDate(instant: Date, timeZone: string): string {
  return toClinicDateTime(instant, timeZone).slice(0, 10);
}

/** `-05:00`: what the zone's clock is ahead of UTC at that instant, as MariaDB's `time_zone` wants it. */
export function utcOffset(instant: Date, timeZone: string): string {
  const wall = Date.parse(`${toClinicDateTime(instant, timeZone).replace(' ', 'T')}Z`);
  const minutes = Math.round((wall - Math.floor(instant.getTime() / 1000) * 1000) / 60_000);
  const magnitude = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(magnitude / 60))}:${two(magnitude % 60)}`;
}

export function addHours(instant: Date, hours: number): Date {
  return new Date(instant.getTime() + hours * 3_600_000);
}
