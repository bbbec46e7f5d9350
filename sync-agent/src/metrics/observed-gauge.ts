import { Gauge, type Registry } from 'prom-client';

/** What a look at the system gave: a number, or numbers by the values of the gauge's one label. */
export type Observation = number | ReadonlyMap<string, number> | null;

/**
 * A gauge whose value is looked up at every scrape. When the look fails, or has nothing to say, the gauge has no value:
 * an alert on its absence is honest, a stale number is not.
 */
export function observedGauge(
  registry: Registry,
  { name, help, label }: { name: string; help: string; label?: string },
  look: () => Promise<Observation> | Observation,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    labelNames: label === undefined ? [] : [label],
    async collect(): Promise<void> {
      let seen: Observation = null;
      try {
        seen = await look();
      } catch {
        // no value
      }
      gauge.reset();
      if (seen === null) {
        if (label === undefined) {
          // Only without labels does a reset leave a number.
          gauge.remove();
        }
      } else if (typeof seen === 'number') {
        gauge.set(seen);
      } else if (label !== undefined) {
        for (const [value, number] of seen) {
          gauge.set({ [label]: value }, number);
        }
      }
    },
  });
}
