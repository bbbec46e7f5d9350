import type { AgentCounters } from '../metrics/agent-counters.js';

/** Where a render's time goes beside the ledger. */
export type WorkPart = 'openemr' | 'render' | 'crypto' | 'feed' | 'gateway';

/** What reading one chart asked of OpenEMR's database. */
export interface OpenEmrRead {
  /** of `performance.now()` */
  began: number;
  statements: number;
  rows: number;
  /** of the time it took, that in which this process had nothing else to do: no work of its own counts as waiting */
  waitedMs: number;
}

/** Told of what renders do, for metrics and for the pace of those that nobody waits for. */
export interface RenderWork {
  /** renders of several charts run side by side, and so do their times */
  spent: (part: WorkPart, seconds: number) => void;
  read: (read: OpenEmrRead) => void;
  pushed: (sections: number, bytes: number) => void;
}

/** Does a part of a render and tells how long it took, also when it fails. */
export async function timed<T>(work: RenderWork | undefined, part: WorkPart, act: () => Promise<T> | T): Promise<T> {
  const began = performance.now();
  try {
    return await act();
  } finally {
    work?.spent(part, (performance.now() - began) / 1_000);
  }
}

/** Counts the work, and lets the pace know how OpenEMR answers. */
export function countedWork(counters: AgentCounters, pace: { answered: (read: OpenEmrRead) => void }): RenderWork {
  return {
    spent: (part, seconds) => {
      counters.work.inc({ part }, seconds);
    },
    read: (read) => {
      counters.rowsRead.inc(read.rows);
      pace.answered(read);
    },
    pushed: (sections, bytes) => {
      counters.sectionsPushed.inc(sections);
      counters.bytesPushed.inc(bytes);
    },
  };
}
