import { Injectable } from '@nestjs/common';
import { ResourceId } from 'sync-contract/identifiers';
import { releaseWishStream } from 'sync-contract/submission';
import { z } from 'zod';
import type { AuditOrigin } from '../audit/audit-origin.js';
import type { ChartAccess, Session } from '../sessions/session.js';
import { SubmissionsService, type SavedSubmission } from './submissions.service.js';

/** A wish as the browser sends it. */
export const SendReleaseWish = z.discriminatedUnion('wish', [
  z.strictObject({ wish: z.enum(['wait', 'at-once']), resultId: z.null() }),
  z.strictObject({ wish: z.literal('show'), resultId: ResourceId }),
]);
export type SendReleaseWish = z.infer<typeof SendReleaseWish>;

/** Wishes of a patient about new results. One stream per chart, so that the last one holds. */
@Injectable()
export class ReleaseWishesService {
  constructor(private readonly submissions: SubmissionsService) {}

  /** @throws what `SubmissionsService.submit` throws */
  async send(
    session: Pick<Session, 'accountRef' | 'settingsKey'>,
    chart: ChartAccess,
    wish: SendReleaseWish,
    idempotencyKey: string,
    origin: AuditOrigin,
  ): Promise<SavedSubmission> {
    const copyKey = chart.classKey('results');
    if (copyKey === undefined) {
      throw new Error('a chart without any grant');
    }
    const { patientRef } = chart;
    return this.submissions.submit({
      kind: 'release-wish',
      accountRef: session.accountRef,
      patientRef,
      stream: { id: releaseWishStream(patientRef), claims: true },
      request: wish,
      payload: (_stream, at) => ({ ...wish, wishedAt: at.toISOString() }),
      idempotencyKey,
      copyKey,
      accountKey: session.settingsKey,
      origin,
    });
  }
}
