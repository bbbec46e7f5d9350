/** Counters of the agent that a load is described by. */
const COUNTED = {
  renderSeconds: /^agent_render_duration_seconds_sum\{/,
  openemrSeconds: /^agent_render_work_seconds_total\{part="openemr"\}/,
  renderingSeconds: /^agent_render_work_seconds_total\{part="render"\}/,
  cryptoSeconds: /^agent_render_work_seconds_total\{part="crypto"\}/,
  feedSeconds: /^agent_render_work_seconds_total\{part="feed"\}/,
  gatewaySeconds: /^agent_render_work_seconds_total\{part="gateway"\}/,
  rows: /^agent_openemr_rows_total /,
  sections: /^agent_sections_pushed_total /,
  bytes: /^agent_section_bytes_pushed_total /,
} as const;

export type LoadCounts = Record<keyof typeof COUNTED, number>;

const NONE: LoadCounts = {
  ...{ renderSeconds: 0, openemrSeconds: 0, renderingSeconds: 0, cryptoSeconds: 0 },
  ...{ feedSeconds: 0, gatewaySeconds: 0, rows: 0, sections: 0, bytes: 0 },
};

/** The agent's counters over all its runs: each begins at nothing. */
export class LoadMetrics {
  private before = NONE;
  private now = NONE;

  constructor(private readonly port: number) {}

  /** To be called before the program ends; what a run counts afterwards is lost. */
  async look(): Promise<void> {
    const text = await fetch(`http://127.0.0.1:${String(this.port)}/metrics`).then(
      (answer) => answer.text(),
      () => undefined,
    );
    if (text !== undefined) {
      this.now = countsOf(text);
    }
  }

  /** The run is over. */
  endRun(): void {
    this.before = sum(this.before, this.now);
    this.now = NONE;
  }

  get counts(): LoadCounts {
    return sum(this.before, this.now);
  }
}

function countsOf(text: string): LoadCounts {
  const lines = text.split('\n');
  const value = (of: RegExp): number =>
    lines.filter((line) => of.test(line)).reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  return mapped((name) => value(COUNTED[name]));
}

function sum(a: LoadCounts, b: LoadCounts): LoadCounts {
  return mapped((name) => a[name] + b[name]);
}

function mapped(of: (name: keyof LoadCounts) => number): LoadCounts {
  return {
    renderSeconds: of('renderSeconds'),
    openemrSeconds: of('openemrSeconds'),
    renderingSeconds: of('renderingSeconds'),
    cryptoSeconds: of('cryptoSeconds'),
    feedSeconds: of('feedSeconds'),
    gatewaySeconds: of('gatewaySeconds'),
    rows: of('rows'),
    sections: of('sections'),
    bytes: of('bytes'),
  };
}
