import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import type { PortalRequest } from '../sessions/portal-request.js';
import { CurrentSession } from '../sessions/session.decorators.js';
import { Session } from '../sessions/session.js';
import { EventStream } from './event-stream.js';
import { EventsService } from './events.service.js';

@Controller('events')
export class EventsController {
  constructor(
    private readonly events: EventsService,
    private readonly audit: AuditService,
  ) {}

  @Get()
  async open(
    @CurrentSession() session: Session,
    @Origin() origin: AuditOrigin,
    @Req() request: PortalRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    this.events.assertRoom(session.idHash);
    await this.audit.record({ ...origin, action: 'events-open', outcome: 'ok' });
    // The stream outlives the request by hours; the keys in the session must not.
    delete request.session;
    const stream = new EventStream(session.idHash, session.accountRef, session.endsAt, reply.raw);
    await this.events.follow(stream);
    reply.hijack();
    stream.start(reply.getHeaders());
  }
}
