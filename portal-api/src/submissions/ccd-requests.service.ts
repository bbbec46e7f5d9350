import { Injectable } from '@nestjs/common';
import { ccdRequestStream, type AskedDays } from 'sync-contract/submission';
import type { AuditOrigin } from '../audit/audit-origin.js';
import type { ChartAccess, Session } from '../sessions/session.js';
import { SubmissionsService, type SavedSubmission } from './submissions.service.js';

/** Requests of a patient for OpenEMR's own C-CDA. One stream per chart, so that the last one holds. */
@Injectable()
export class CcdRequestsService {
  constructor(private readonly submissions: SubmissionsService) {}

  /** @throws what `SubmissionsService.submit` throws */
  async send(
    session: Pick<Session, 'accountRef' | 'settingsKey'>,
    chart: ChartAccess,
    range: AskedDays,
    idempotencyKey: string,
    origin: AuditOrigin,
  ): Promise<SavedSubmission> {
    const copyKey = chart.classKey('documents');
    if (copyKey === undefined) {
      throw new Error('a chart without any grant');
    }
    const { patientRef } = chart;
    return this.submissions.submit({
      kind: 'ccd-request',
      accountRef: session.accountRef,
      patientRef,
      stream: { id: ccdRequestStream(patientRef), claims: true },
      request: range,
      payload: (_stream, at) => ({ ...range, requestedAt: at.toISOString() }),
      idempotencyKey,
      copyKey,
      accountKey: session.settingsKey,
      origin,
    });
  }
}
