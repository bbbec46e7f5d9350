import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import type * as http from '../http.js';
import { BodyPipe } from '../problems/body.pipe.js';
import { COOKIE_OPTIONS, PENDING_COOKIE, SESSION_COOKIE, parseHalfKey } from '../sessions/half-key-cookie.js';
import type { PortalRequest } from '../sessions/portal-request.js';
import { Public } from '../sessions/session.decorators.js';
import { SessionViews } from '../sessions/session-views.js';
import { PENDING_MS } from './pending-sign-in.store.js';
import { SignIn, SignInCode } from './sign-in.dto.js';
import { SignInService } from './sign-in.service.js';

@Public()
@Controller('sign-in')
export class SignInController {
  constructor(
    private readonly signIns: SignInService,
    private readonly views: SessionViews,
  ) {}

  @Post()
  @HttpCode(200)
  async password(
    @Body(new BodyPipe(SignIn)) form: http.SignIn,
    @Req() request: PortalRequest,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<http.SignInView> {
    const cookie = await this.signIns.password(form, request.ip, origin);
    reply.setCookie(PENDING_COOKIE, cookie, { ...COOKIE_OPTIONS, maxAge: PENDING_MS / 1_000 });
    return { next: 'totp' };
  }

  @Post('totp')
  @HttpCode(200)
  async code(
    @Body(new BodyPipe(SignInCode)) { code }: http.SignInCode,
    @Req() request: PortalRequest,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<http.SessionView> {
    const half = parseHalfKey(request.cookies[PENDING_COOKIE]);
    const { cookie, session } = await this.signIns.code(half, code, origin);
    reply.clearCookie(PENDING_COOKIE, COOKIE_OPTIONS);
    reply.setCookie(SESSION_COOKIE, cookie, COOKIE_OPTIONS);
    return this.views.of(session, { ...origin, actor: session.accountRef, session: session.idHash });
  }
}
