import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What the agent counts while it works. Labels are fixed words; ids, names and references are none. */
@Injectable()
export class AgentCounters {
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  /** a chart read, rendered and, where it changed, pushed; `outcome` is `replicateChart`'s, or failed */
  readonly renders = new Histogram({
    name: 'agent_render_duration_seconds',
    help: 'Time to bring one chart into the DMZ, by outcome',
    labelNames: ['outcome'] as const,
    buckets: SECONDS,
    registers: this.registers,
  });

  /** seconds of renders by what they were spent on; what is missing to their duration was spent on the ledger and on waiting */
  readonly work = new Counter({
    name: 'agent_render_work_seconds_total',
    help: 'Seconds of renders, by part: openemr, render, crypto, feed (waiting for it) or gateway',
    labelNames: ['part'] as const,
    registers: this.registers,
  });

  readonly rowsRead = new Counter({
    name: 'agent_openemr_rows_total',
    help: 'Rows that renders read from OpenEMR',
    registers: this.registers,
  });

  readonly sectionsPushed = new Counter({
    name: 'agent_sections_pushed_total',
    help: 'Sections that the gateway acknowledged',
    registers: this.registers,
  });

  readonly bytesPushed = new Counter({
    name: 'agent_section_bytes_pushed_total',
    help: 'Bytes of those sections, sealed and padded',
    registers: this.registers,
  });

  /** `cause` is one of `FeedFailure`'s words */
  readonly feedFailures = new Counter({
    name: 'agent_feed_failures_total',
    help: 'Times the change feed stopped and tried again, by cause',
    labelNames: ['cause'] as const,
    registers: this.registers,
  });

  readonly heartbeats = new Counter({
    name: 'agent_heartbeats_total',
    help: 'Heartbeats, by outcome: sent or failed',
    labelNames: ['outcome'] as const,
    registers: this.registers,
  });

  readonly reconciliations = new Counter({
    name: 'agent_reconciliations_total',
    help: 'Comparisons of everything, by the other side and outcome: equal, partial (documents could not be hashed), different or failed',
    labelNames: ['with', 'outcome'] as const,
    registers: this.registers,
  });

  readonly differences = new Counter({
    name: 'agent_reconciliation_differences_total',
    help: 'Differences that comparisons found, by kind',
    labelNames: ['kind'] as const,
    registers: this.registers,
  });

  readonly collected = new Counter({
    name: 'agent_collected_total',
    help: 'Submissions that were collected, by outcome: received or quarantined',
    labelNames: ['outcome'] as const,
    registers: this.registers,
  });

  readonly collections = new Counter({
    name: 'agent_collection_failures_total',
    help: 'Rounds in which the outbox could not be emptied',
    registers: this.registers,
  });

  readonly delivered = new Counter({
    name: 'agent_deliveries_total',
    help: 'Deliveries into OpenEMR, by kind of submission and outcome: delivered or postponed',
    labelNames: ['kind', 'outcome'] as const,
    registers: this.registers,
  });
}
