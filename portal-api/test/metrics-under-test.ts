/** One sample of a scrape. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;

/** @param text Prometheus's text format */
export function samplesOf(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = SAMPLE.exec(line);
      if (match === null) {
        throw new Error(`not a sample: ${line}`);
      }
      const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name: match[1] ?? '',
        labels: Object.fromEntries(labels.map((pair) => [pair[1] ?? '', pair[2] ?? ''])),
        value: Number(match[3]),
      };
    });
}

/** Each family with its labels; those of a histogram count once, without the bucket's bound. */
export function labelSets(text: string, prefix: string): Record<string, string[]> {
  const sets: Record<string, string[]> = {};
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    if (!name.startsWith(prefix)) {
      continue;
    }
    const own = type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    const labels = samplesOf(text).filter((sample) => own.includes(sample.name));
    sets[name] = [...new Set(labels.flatMap((sample) => Object.keys(sample.labels)))]
      .filter((label) => label !== 'le')
      .sort();
  }
  return sets;
}

/** Values that a label has in a scrape. */
export function valuesOf(text: string, name: string, label: string): string[] {
  const samples = samplesOf(text).filter((sample) => sample.name === name);
  return [...new Set(samples.flatMap((sample) => sample.labels[label] ?? []))].sort();
}

export function sampleOf(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  return samplesOf(text).find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;
}
