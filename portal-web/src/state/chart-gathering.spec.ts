import { afterEach, describe, expect, it } from '@jest/globals';
import { ChartGathering } from './chart-gathering.js';

const CHART = '/api/charts/p';

/** FAKE: portal-api's answers of one chart, which a test changes while it is gathered. */
class FakeChart {
  seq = 1;
  frozen = false;
  contents = new Map<string, unknown>([
    ['allergies', 'before'],
    ['problems', 'before'],
  ]);
  readonly asked: string[] = [];
  /** what happens once a path was answered */
  onAnswered: (path: string) => void = () => undefined;

  readonly fetch = (input: RequestInfo | URL): Promise<Response> => {
    const path = (input as string).slice(CHART.length + 1);
    this.asked.push(path);
    const content = this.contents.get(path.replace('sections/', ''));
    const answer =
      path === 'status'
        ? Response.json({
            ...{ currentAsOf: '2026-11-22T15:00:00Z', freshness: 'current', frozen: this.frozen },
            ...{ sections: [...this.contents.keys()], manifest: { era: 1, seq: this.seq } },
          })
        : content === 'busy'
          ? Response.json({ status: 503, code: 'busy' }, { status: 503 })
          : Response.json(content, { headers: { 'x-as-of': '2026-11-22T15:00:00Z' } });
    this.onAnswered(path);
    return Promise.resolve(answer);
  };

  change(content: unknown): void {
    this.seq += 1;
    this.contents = new Map([...this.contents.keys()].map((name) => [name, content]));
  }
}

const theFetch = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = theFetch;
});

function gathering(chart: FakeChart): ChartGathering {
  globalThis.fetch = chart.fetch;
  return new ChartGathering(CHART, new AbortController().signal, () => undefined);
}

describe('a gathered chart', () => {
  it('is of one state: what came before the chart changed is asked for again', async () => {
    const chart = new FakeChart();
    chart.onAnswered = (path) => {
      if (path === 'sections/allergies' && chart.seq === 1) {
        chart.change('after');
      }
    };
    const { sections } = await gathering(chart).run();
    expect([...sections]).toEqual([
      ['allergies', 'after'],
      ['problems', 'after'],
    ]);
  });

  it('is frozen when the practice froze it meanwhile', async () => {
    const chart = new FakeChart();
    chart.onAnswered = (path) => {
      chart.frozen ||= path === 'sections/problems';
    };
    expect((await gathering(chart).run()).frozen).toBe(true);
  });

  it('is none when the chart changes over and over', async () => {
    const chart = new FakeChart();
    chart.onAnswered = (path) => {
      if (path === 'sections/problems') {
        chart.change('other');
      }
    };
    await expect(gathering(chart).run()).rejects.toMatchObject({ code: 'busy' });
    expect(chart.asked.filter((path) => path === 'sections/problems').length).toBe(3);
  });

  it('keeps what came before a failure only while the chart is the same', async () => {
    for (const [changes, times] of [
      [false, 1],
      [true, 2],
    ] as const) {
      const chart = new FakeChart();
      chart.contents.set('problems', 'busy');
      const run = gathering(chart);
      await expect(run.run()).rejects.toMatchObject({ code: 'busy' });
      chart.contents.set('problems', 'there');
      chart.seq += changes ? 1 : 0;
      await run.run();
      expect(chart.asked.filter((path) => path === 'sections/allergies').length).toBe(times);
    }
  });
});
