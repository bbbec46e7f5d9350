import { Body, Controller, Get, Headers, Post, Query, UseGuards } from '@nestjs/common';
import { Ref } from 'sync-contract/identifiers';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import type { MessageSentView, OwnCopiesView, ReceiptsView } from '../http.js';
import { BodyPipe } from '../problems/body.pipe.js';
import { NotFound } from '../problems/request.problems.js';
import { ChartGuard } from '../sessions/chart.guard.js';
import { CurrentChart, CurrentSession, NeedsScope } from '../sessions/session.decorators.js';
import { ChartAccess, Session } from '../sessions/session.js';
import { MessagesService, SendMessage } from './messages.service.js';
import { idempotencyKeyOf } from './idempotency-key.js';
import { SubmissionViews } from './submission-views.service.js';

@Controller('charts/:patientRef')
@UseGuards(ChartGuard)
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly views: SubmissionViews,
    private readonly audit: AuditService,
  ) {}

  /** 201 means durable. The same key with the same body gets the same answer again. */
  @Post('messages')
  @NeedsScope('message')
  async send(
    @CurrentSession() session: Session,
    @CurrentChart() chart: ChartAccess,
    @Headers('idempotency-key') key: unknown,
    @Body(new BodyPipe(SendMessage)) message: SendMessage,
    @Origin() origin: AuditOrigin,
  ): Promise<MessageSentView> {
    const saved = await this.messages.send(session, chart, message, idempotencyKeyOf(key), origin);
    return {
      submissionId: saved.submissionId,
      threadId: saved.stream,
      state: saved.state,
      savedAt: saved.savedAt.toISOString(),
    };
  }

  @Get('own-copies')
  async ownCopies(
    @CurrentSession() session: Session,
    @CurrentChart() chart: ChartAccess,
    @Query('stream') stream: unknown,
    @Origin() origin: AuditOrigin,
  ): Promise<OwnCopiesView> {
    const wanted = Ref.optional().safeParse(stream);
    if (!wanted.success) {
      throw new NotFound();
    }
    const own = await this.views.ownCopies(session.accountRef, chart, wanted.data);
    await this.audit.record({ ...origin, action: 'own-copies-read', outcome: 'ok', onBehalfOf: chart.patientRef });
    return own;
  }

  @Get('receipts')
  async receipts(
    @CurrentSession() session: Session,
    @CurrentChart() chart: ChartAccess,
    @Origin() origin: AuditOrigin,
  ): Promise<ReceiptsView> {
    const receipts = await this.views.receipts(session.accountRef, chart.patientRef);
    await this.audit.record({ ...origin, action: 'receipts-read', outcome: 'ok', onBehalfOf: chart.patientRef });
    return { receipts };
  }
}
