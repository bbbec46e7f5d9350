import { Injectable } from '@nestjs/common';
import { ThreadsContent } from 'sync-contract/section-content';
import type { ChartAccess } from '../sessions/session.js';
import { ThreadOwner } from '../submissions/thread-owner.js';
import { ChartReader } from './chart-reader.js';
import { SectionNotFound } from './chart.problems.js';

/** Whether a message thread belongs to a chart, proved by the chart's signed list of threads. */
@Injectable()
export class ThreadOwnership extends ThreadOwner {
  constructor(private readonly charts: ChartReader) {
    super();
  }

  /** @throws ReplicaUnverified, ChartNotReady */
  async holds(chart: ChartAccess, threadId: string): Promise<boolean> {
    try {
      const { threads } = ThreadsContent.parse(await this.charts.readJson(chart, 'messages'));
      return threads.some((thread) => thread.threadId === threadId);
    } catch (error: unknown) {
      if (error instanceof SectionNotFound) {
        return false;
      }
      throw error;
    }
  }
}
