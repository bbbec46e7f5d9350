import { Body, Controller, Headers, Post, UseGuards } from '@nestjs/common';
import { AskedDays } from 'sync-contract/submission';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import type { CcdRequestSentView } from '../http.js';
import { BodyPipe } from '../problems/body.pipe.js';
import { ChartGuard } from '../sessions/chart.guard.js';
import { CurrentChart, CurrentSession, NeedsScope } from '../sessions/session.decorators.js';
import { ChartAccess, Session } from '../sessions/session.js';
import { CcdRequestsService } from './ccd-requests.service.js';
import { idempotencyKeyOf } from './idempotency-key.js';

@Controller('charts/:patientRef')
@UseGuards(ChartGuard)
export class CcdRequestsController {
  constructor(private readonly requests: CcdRequestsService) {}

  /** 201 means durable; the list of documents names the file once the inside has the request. */
  @Post('ccd-requests')
  @NeedsScope('message')
  async send(
    @CurrentSession() session: Session,
    @CurrentChart() chart: ChartAccess,
    @Headers('idempotency-key') key: unknown,
    @Body(new BodyPipe(AskedDays)) range: AskedDays,
    @Origin() origin: AuditOrigin,
  ): Promise<CcdRequestSentView> {
    const saved = await this.requests.send(session, chart, range, idempotencyKeyOf(key), origin);
    return { submissionId: saved.submissionId, state: saved.state, savedAt: saved.savedAt.toISOString() };
  }
}
