import { Controller, Get, Query } from '@nestjs/common';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import type { AccessHistoryView } from '../http.js';
import { CurrentSession } from '../sessions/session.decorators.js';
import { Session } from '../sessions/session.js';
import { AccessHistoryService } from './access-history.service.js';

@Controller('access-history')
export class AccessHistoryController {
  constructor(private readonly history: AccessHistoryService) {}

  /** @param before `next` of the page before; anything else names no page */
  @Get()
  page(
    @Query('before') before: unknown,
    @CurrentSession() session: Session,
    @Origin() origin: AuditOrigin,
  ): Promise<AccessHistoryView> {
    return this.history.page(session, before, origin);
  }
}
