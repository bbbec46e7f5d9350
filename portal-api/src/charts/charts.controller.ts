import { Controller, Get, Param, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { SectionName } from 'sync-contract/classes';
import { Ref } from 'sync-contract/identifiers';
import { decompress } from 'sync-contract/section';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import type { ChartStatusView } from '../http.js';
import { NotFound } from '../problems/request.problems.js';
import { ChartGuard } from '../sessions/chart.guard.js';
import type { PortalRequest } from '../sessions/portal-request.js';
import { CurrentChart, CurrentSession } from '../sessions/session.decorators.js';
import { ChartAccess, Session } from '../sessions/session.js';
import { SectionNotFound } from '../replica/chart.problems.js';
import { ChartsService } from './charts.service.js';

@Controller('charts/:patientRef')
export class ChartsController {
  constructor(private readonly charts: ChartsService) {}

  @Get('status')
  @UseGuards(ChartGuard)
  status(@CurrentChart() chart: ChartAccess, @Origin() origin: AuditOrigin): Promise<ChartStatusView> {
    return this.charts.status(chart, origin);
  }

  @Get('sections/:recordClass')
  async section(
    @Param('patientRef') patientRef: string,
    @Param('recordClass') name: string,
    @CurrentSession() session: Session,
    @Origin() origin: AuditOrigin,
    @Req() request: PortalRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.send(patientRef, name, session, origin, request, reply);
  }

  @Get('sections/:recordClass/:part')
  async sectionPart(
    @Param('patientRef') patientRef: string,
    @Param('recordClass') recordClass: string,
    @Param('part') part: string,
    @CurrentSession() session: Session,
    @Origin() origin: AuditOrigin,
    @Req() request: PortalRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.send(patientRef, `${recordClass}/${part}`, session, origin, request, reply);
  }

  /** The bytes the inside compressed go to the browser as they are, when it takes brotli. */
  private async send(
    patientRef: string,
    name: string,
    session: Session,
    origin: AuditOrigin,
    request: PortalRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if (!Ref.safeParse(patientRef).success) {
      throw new NotFound();
    }
    if (!SectionName.safeParse(name).success) {
      throw session.chart(patientRef) === undefined ? new NotFound() : new SectionNotFound();
    }
    const section = await this.charts.section(session, patientRef, name, origin);
    const etag = `"${String(section.version.era)}.${String(section.version.seq)}"`;
    reply.header('etag', etag).header('vary', 'accept-encoding');
    if (section.asOf !== null) {
      reply.header('x-as-of', section.asOf);
    }
    if (request.headers['if-none-match'] === etag) {
      await reply.status(304).send();
      return;
    }
    reply.type('application/json; charset=utf-8');
    if (/\bbr\b/.test(request.headers['accept-encoding'] ?? '')) {
      await reply.header('content-encoding', 'br').send(section.compressed);
    } else {
      await reply.send(decompress(section.compressed));
    }
  }
}
