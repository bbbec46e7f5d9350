/** Geometry of a line chart over time. Pixels; the component only draws. */

export interface TrendPoint {
  /** FHIR dateTime */
  at: string;
  value: number;
}

export interface TrendSeries {
  name: string;
  points: readonly TrendPoint[];
}

export interface Band {
  low: number | null;
  high: number | null;
}

export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Drawing {
  x: { at: string; x: number }[];
  y: { value: number; y: number }[];
  band: { y: number; height: number } | null;
  lines: { name: string; path: string; marks: { x: number; y: number; point: TrendPoint }[] }[];
}

const DAY = 86_400_000;
const STEPS = [1, 2, 2.5, 5, 10];

export function draw(series: readonly TrendSeries[], band: Band | null, frame: Frame): Drawing {
  const points = series.flatMap((each) => each.points);
  const times = points.map(({ at }) => Date.parse(at));
  const first = min(times);
  const last = max(times);
  const margin = first === last ? DAY : 0;
  const time = scale(first - margin, last + margin, frame.left, frame.width - frame.right);
  const bounds = [band?.low, band?.high].filter((bound) => typeof bound === 'number');
  const values = [...points.map(({ value }) => value), ...bounds];
  const ticks = niceTicks(min(values), max(values), 4);
  const level = scale(ticks[0] ?? 0, ticks.at(-1) ?? 1, frame.height - frame.bottom, frame.top);
  return {
    x: timeTicks(first, last, Math.max(2, Math.floor((frame.width - frame.left - frame.right) / 90))).map((at) => ({
      at,
      x: time(Date.parse(at)),
    })),
    y: ticks.map((value) => ({ value, y: level(value) })),
    band: band === null || bounds.length === 0 ? null : bandBox(band, level, frame),
    lines: series.map(({ name, points: own }) => {
      const marks = [...own]
        .sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
        .map((point) => ({ x: time(Date.parse(point.at)), y: level(point.value), point }));
      return {
        name,
        marks,
        path: marks.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join(''),
      };
    }),
  };
}

function bandBox(band: Band, level: (value: number) => number, frame: Frame): { y: number; height: number } {
  const top = band.high === null ? frame.top : level(band.high);
  const bottom = band.low === null ? frame.height - frame.bottom : level(band.low);
  return { y: top, height: Math.max(1, bottom - top) };
}

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

const px = (value: number): string => String(Math.round(value * 10) / 10);

// Thousands of values do not fit into the arguments of Math.min.
const min = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const max = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** Round numbers from at most `low` to at least `high`, about `count` steps apart. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((each) => each * power >= rough) ?? 10) * power;
  const start = Math.floor(low / step + 1e-9) * step;
  const steps = Math.max(1, Math.ceil((high - start) / step - 1e-9));
  return Array.from({ length: steps + 1 }, (_, index) => Number((start + index * step).toPrecision(12)));
}

/** At most `most` dates between the two: years, months or days, as precise as the span asks for. */
export function timeTicks(first: number, last: number, most: number): string[] {
  const span = last - first;
  const all = span > 2.5 * 365 * DAY ? years(first, last) : span > 75 * DAY ? months(first, last) : days(first, last);
  const every = Math.ceil(all.length / most);
  return all.filter((_, index) => index % every === 0);
}

function years(first: number, last: number): string[] {
  const from = new Date(first).getUTCFullYear() + 1;
  const to = new Date(last).getUTCFullYear();
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => String(from + index).padStart(4, '0'));
}

function months(first: number, last: number): string[] {
  const start = new Date(first);
  const found: string[] = [];
  for (let month = start.getUTCMonth() + 1; ; month += 1) {
    const at = Date.UTC(start.getUTCFullYear(), month, 1);
    if (at > last) {
      return found;
    }
    found.push(new Date(at).toISOString().slice(0, 7));
  }
}

function days(first: number, last: number): string[] {
  const found: string[] = [];
  for (let at = Math.ceil(first / DAY) * DAY; at <= last; at += DAY) {
    found.push(new Date(at).toISOString().slice(0, 10));
  }
  return found.length > 0 ? found : [new Date(first).toISOString().slice(0, 10)];
}
