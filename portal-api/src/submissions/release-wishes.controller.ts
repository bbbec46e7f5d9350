import { Body, Controller, Headers, Post, UseGuards } from '@nestjs/common';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import type { ReleaseWishSentView } from '../http.js';
import { BodyPipe } from '../problems/body.pipe.js';
import { ChartGuard } from '../sessions/chart.guard.js';
import { CurrentChart, CurrentSession, NeedsScope } from '../sessions/session.decorators.js';
import { ChartAccess, Session } from '../sessions/session.js';
import { idempotencyKeyOf } from './idempotency-key.js';
import { ReleaseWishesService, SendReleaseWish } from './release-wishes.service.js';

@Controller('charts/:patientRef')
@UseGuards(ChartGuard)
export class ReleaseWishesController {
  constructor(private readonly wishes: ReleaseWishesService) {}

  /** 201 means durable; the chart follows once the inside has it. */
  @Post('release-wishes')
  @NeedsScope('message')
  async send(
    @CurrentSession() session: Session,
    @CurrentChart() chart: ChartAccess,
    @Headers('idempotency-key') key: unknown,
    @Body(new BodyPipe(SendReleaseWish)) wish: SendReleaseWish,
    @Origin() origin: AuditOrigin,
  ): Promise<ReleaseWishSentView> {
    const saved = await this.wishes.send(session, chart, wish, idempotencyKeyOf(key), origin);
    return { submissionId: saved.submissionId, state: saved.state, savedAt: saved.savedAt.toISOString() };
  }
}
