import { Injectable } from '@nestjs/common';
import { Ref } from 'sync-contract/identifiers';
import { MessagePayload, ccdRequestStream, releaseWishStream } from 'sync-contract/submission';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { hexBytes } from '../database/hex-column.js';
import type { ChartAccess, Session } from '../sessions/session.js';
import { ThreadNotFound } from './submission.problems.js';
import { SubmissionsService, type NewSubmission, type SavedSubmission } from './submissions.service.js';
import { ThreadOwner } from './thread-owner.js';

/** A message as the browser sends it; `threadId: null` starts a thread. */
export const SendMessage = MessagePayload.omit({ writtenAt: true }).extend({ threadId: Ref.nullable() });
export type SendMessage = z.infer<typeof SendMessage>;

/** Messages of a patient to the clinic. One stream per thread. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly submissions: SubmissionsService,
    private readonly threads: ThreadOwner,
  ) {}

  /** @throws ThreadNotFound and what `SubmissionsService.submit` throws */
  async send(
    session: Pick<Session, 'accountRef' | 'settingsKey'>,
    chart: ChartAccess,
    message: SendMessage,
    idempotencyKey: string,
    origin: AuditOrigin,
  ): Promise<SavedSubmission> {
    const copyKey = chart.classKey('messages');
    if (copyKey === undefined) {
      throw new Error('a chart without any grant');
    }
    const { patientRef } = chart;
    return this.submissions.submit({
      kind: 'message',
      accountRef: session.accountRef,
      patientRef,
      stream: await this.streamOf(chart, message.threadId),
      request: message,
      payload: (stream, at) => ({ ...message, threadId: stream, writtenAt: at.toISOString() }),
      idempotencyKey,
      copyKey,
      accountKey: session.settingsKey,
      origin,
    });
  }

  /** A thread is the chart's when the portal began it there, or when the chart's signed list of threads names it. */
  private async streamOf(chart: ChartAccess, threadId: string | null): Promise<NewSubmission['stream']> {
    if (threadId === null) {
      return null;
    }
    if ([releaseWishStream, ccdRequestStream].some((streamOf) => streamOf(chart.patientRef) === threadId)) {
      // A message there would take a number that the wishes or requests wait for.
      throw new ThreadNotFound();
    }
    const [known] = await this.dataSource.query<{ patient_ref: Buffer | null }[]>(
      'SELECT patient_ref FROM stream WHERE stream = ?',
      [hexBytes(threadId)],
    );
    if (known !== undefined) {
      if (known.patient_ref?.toString('hex') !== chart.patientRef) {
        throw new ThreadNotFound();
      }
      return { id: threadId, claims: false };
    }
    if (!(await this.threads.holds(chart, threadId))) {
      throw new ThreadNotFound();
    }
    return { id: threadId, claims: true };
  }
}
