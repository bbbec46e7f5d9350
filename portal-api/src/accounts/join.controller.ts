import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import type * as http from '../http.js';
import { BodyPipe } from '../problems/body.pipe.js';
import { COOKIE_OPTIONS, SESSION_COOKIE } from '../sessions/half-key-cookie.js';
import type { PortalRequest } from '../sessions/portal-request.js';
import { CurrentSession, Public } from '../sessions/session.decorators.js';
import { Session } from '../sessions/session.js';
import { SessionViews } from '../sessions/session-views.js';
import { DateOfBirthService } from './date-of-birth.service.js';
import { CheckInvite, Join, RetryDateOfBirth, StartTotp } from './join.dto.js';
import { JoinService } from './join.service.js';
import { TotpSetups } from './totp-setup.js';

@Controller('join')
export class JoinController {
  constructor(
    private readonly joins: JoinService,
    private readonly setups: TotpSetups,
    private readonly datesOfBirth: DateOfBirthService,
    private readonly views: SessionViews,
  ) {}

  @Public()
  @Post('check')
  @HttpCode(200)
  async check(
    @Body(new BodyPipe(CheckInvite)) { code }: http.CheckInvite,
    @Req() request: PortalRequest,
    @Origin() origin: AuditOrigin,
  ): Promise<http.InviteView> {
    await this.joins.checkInvite(code, request.ip, origin);
    return { status: 'open' };
  }

  @Public()
  @Post('totp')
  @HttpCode(200)
  startTotp(
    @Body(new BodyPipe(StartTotp)) { name }: http.StartTotp,
    @Req() request: PortalRequest,
  ): Promise<http.TotpSetupView> {
    return this.setups.start(this.joins.parseName(name), request.ip);
  }

  @Public()
  @Post()
  @HttpCode(201)
  async join(
    @Body(new BodyPipe(Join)) form: http.Join,
    @Req() request: PortalRequest,
    @Origin() origin: AuditOrigin,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<http.SessionView> {
    const { cookie, session } = await this.joins.join(form, request.ip, origin);
    reply.setCookie(SESSION_COOKIE, cookie, COOKIE_OPTIONS);
    return this.views.of(session, { ...origin, actor: session.accountRef, session: session.idHash });
  }

  @Post('date-of-birth')
  @HttpCode(200)
  async retryDateOfBirth(
    @Body(new BodyPipe(RetryDateOfBirth)) { dateOfBirth }: http.RetryDateOfBirth,
    @CurrentSession() session: Session,
    @Origin() origin: AuditOrigin,
  ): Promise<http.SessionView> {
    await this.datesOfBirth.retry(session, dateOfBirth, origin);
    return this.views.of(session, origin);
  }
}
