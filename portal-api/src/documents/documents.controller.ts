import { Controller, Get, Param, Query, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Ref } from 'sync-contract/identifiers';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import { NotFound } from '../problems/request.problems.js';
import { ChartGuard } from '../sessions/chart.guard.js';
import { CurrentChart } from '../sessions/session.decorators.js';
import type { ChartAccess } from '../sessions/session.js';
import { DocumentsService } from './documents.service.js';
import { contentDisposition } from './file-name.js';

/** Nothing that a document contains may run or load, whatever a browser makes of it. */
const NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'";

@Controller('charts/:patientRef/documents')
export class DocumentsController {
  constructor(private readonly documents: DocumentsService) {}

  @Get(':documentId')
  @UseGuards(ChartGuard)
  async open(
    @Param('documentId') documentId: string,
    @Query('download') download: unknown,
    @CurrentChart() chart: ChartAccess,
    @Origin() origin: AuditOrigin,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (!Ref.safeParse(documentId).success) {
      throw new NotFound();
    }
    const wish = download === undefined ? 'view' : 'download';
    const { kind, isShown, name, size, stream } = await this.documents.open(chart, documentId, wish, origin);
    await reply
      .type(kind.contentType)
      .header('content-length', String(size))
      .header('content-disposition', contentDisposition(isShown ? 'inline' : 'attachment', name))
      .header('content-security-policy', kind.needsViewer ? NOTHING_RUNS : `${NOTHING_RUNS}; sandbox`)
      .header('accept-ranges', 'none')
      .send(stream);
  }
}
