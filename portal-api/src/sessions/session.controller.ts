import { Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import type { SessionView } from '../http.js';
import { COOKIE_OPTIONS, SESSION_COOKIE } from './half-key-cookie.js';
import { SessionViews } from './session-views.js';
import { CurrentSession } from './session.decorators.js';
import { Session } from './session.js';
import { SessionStore } from './session.store.js';

@Controller()
export class SessionController {
  constructor(
    private readonly views: SessionViews,
    private readonly store: SessionStore,
    private readonly audit: AuditService,
  ) {}

  @Get('session')
  show(@CurrentSession() session: Session, @Origin() origin: AuditOrigin): Promise<SessionView> {
    return this.views.of(session, origin);
  }

  /** The request's `x-user-act` has moved the idle end already; without it this only shows. */
  @Post('session/extend')
  @HttpCode(200)
  extend(@CurrentSession() session: Session, @Origin() origin: AuditOrigin): Promise<SessionView> {
    return this.views.of(session, origin);
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(
    @CurrentSession() session: Session,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    await this.store.end(session);
    await this.audit.record({ ...origin, action: 'sign-out', outcome: 'ok' });
    reply.clearCookie(SESSION_COOKIE, COOKIE_OPTIONS);
    reply.header('clear-site-data', '"cache", "cookies", "storage"');
  }
}
