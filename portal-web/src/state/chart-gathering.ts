import type { ChartStatusView } from 'portal-api/http';
import { api } from '../api/client.js';
import { ApiProblem } from '../api/problem.js';
import { earlierOf } from '../chart/freshness.js';
import { partsIn, type GatheredChart } from '../chart/gathered-chart.js';

interface Held {
  content: unknown;
  etag: string | null;
  asOf: string | null;
  /** of the chart when it was asked for */
  state: string;
}

export interface Progress {
  done: number;
  total: number;
}

/** Sections asked for at the same time: fewer than a browser's connections to one server. */
const AT_ONCE = 4;
/** How often the chart may change while it is gathered. */
const TRIES = 3;
/** States of what was sent are no part of the record. */
const NOT_GATHERED: ReadonlySet<string> = new Set(['receipts']);

/** The chart has changed meanwhile: what has come is not of one state of it. */
class ChartMoved extends Error {}

/**
 * Fetches every section of a chart. What has come stays here: `run` after a failure goes on where it stopped, and after a
 * change of the chart asks only for what is another by now. None of its requests counts as use.
 */
export class ChartGathering {
  private held = new Map<string, Held>();

  constructor(
    /** `/api/charts/<patientRef>` */
    private readonly chartPath: string,
    private readonly signal: AbortSignal,
    private readonly onProgress: (progress: Progress) => void,
  ) {}

  /** @throws ApiProblem | ConnectionLost | the reason of the signal */
  async run(): Promise<GatheredChart> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.runOnce(tries > 1);
      } catch (failure: unknown) {
        if (!(failure instanceof ChartMoved)) {
          throw failure;
        }
        if (tries === TRIES) {
          throw new ApiProblem({ status: 503, code: 'busy' }, null);
        }
      }
    }
  }

  /** @param anew asks also for what is here, which costs little when it is unchanged */
  private async runOnce(anew: boolean): Promise<GatheredChart> {
    const status = await api.get<ChartStatusView>(`${this.chartPath}/status`);
    if (status.manifest === null) {
      throw new ApiProblem({ status: 503, code: 'chart-not-ready' }, null);
    }
    const state = stateOf(status);
    const one = (name: string): Promise<Held> => this.one(name, state, anew);
    const names = status.sections.filter((name) => !NOT_GATHERED.has(name));
    const gathered = new Map<string, Held>();
    await this.fetchAll(names, gathered, one, names.length);
    const parts = names.flatMap((name) => partsIn(gathered.get(name)?.content));
    await this.fetchAll(parts, gathered, one, names.length + parts.length);
    // Indexes held from an earlier try name what is asked for now, so nothing else is worth keeping.
    this.held = gathered;
    if (stateOf(await api.get<ChartStatusView>(`${this.chartPath}/status`)) !== state) {
      throw new ChartMoved();
    }
    this.signal.throwIfAborted();
    const ordered = names.flatMap((name) => [name, ...partsIn(gathered.get(name)?.content)]);
    return {
      sections: new Map(ordered.map((name) => [name, gathered.get(name)?.content])),
      asOf: [...gathered.values()].map(({ asOf }) => asOf).reduce(earlierOf, status.currentAsOf),
      freshness: status.freshness,
      frozen: status.frozen,
    };
  }

  private async fetchAll(
    names: string[],
    into: Map<string, Held>,
    one: (name: string) => Promise<Held>,
    total: number,
  ): Promise<void> {
    const waiting = [...names];
    const work = async (): Promise<void> => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        const came = await one(name).catch((failure: unknown) => {
          // The others stop with the section they are at.
          waiting.length = 0;
          throw failure;
        });
        this.signal.throwIfAborted();
        this.held.set(name, came);
        into.set(name, came);
        this.onProgress({ done: into.size, total });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  private async one(name: string, state: string, anew: boolean): Promise<Held> {
    const held = this.held.get(name);
    return held?.state !== state || anew ? this.fetch(name, state, held) : held;
  }

  private async fetch(name: string, state: string, held: Held | undefined): Promise<Held> {
    this.signal.throwIfAborted();
    const path = name.split('/').map(encodeURIComponent).join('/');
    try {
      const answer = await api.getWithMeta<unknown>(`${this.chartPath}/sections/${path}`, { etag: held?.etag ?? null });
      return {
        content: answer.notModified ? held?.content : answer.body,
        etag: answer.etag,
        asOf: answer.asOf,
        state,
      };
    } catch (failure: unknown) {
      throw failure instanceof ApiProblem && failure.code === 'section-not-found' ? new ChartMoved() : failure;
    }
  }
}

/** Another one for every change of the chart, and when the practice begins or ends to find out whose it is. */
function stateOf({ manifest, frozen, sections }: ChartStatusView): string {
  return JSON.stringify([manifest, frozen, sections]);
}
