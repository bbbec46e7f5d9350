import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AskedDays } from 'sync-contract/submission';
import { z } from 'zod';
import { Origin, type AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { BodyPipe } from '../problems/body.pipe.js';
import { ChartGuard } from '../sessions/chart.guard.js';
import { CurrentChart } from '../sessions/session.decorators.js';
import { ChartAccess } from '../sessions/session.js';

const StartDownload = AskedDays.safeExtend({ form: z.enum(['fhir-bundle', 'pdf']) });
type StartDownload = z.infer<typeof StartDownload>;

/**
 * A file of the chart is put together in the browser, out of sections that are verified and audited one by one; nothing
 * readable is gathered here. The page may begin after 204: then the download stands in the audit log.
 */
@Controller('charts/:patientRef/downloads')
@UseGuards(ChartGuard)
export class DownloadsController {
  constructor(private readonly audit: AuditService) {}

  @Post()
  @HttpCode(204)
  async start(
    @CurrentChart() chart: ChartAccess,
    @Body(new BodyPipe(StartDownload)) { form, from, to }: StartDownload,
    @Origin() origin: AuditOrigin,
  ): Promise<void> {
    await this.audit.record({
      ...origin,
      action: 'chart-download',
      outcome: 'ok',
      onBehalfOf: chart.patientRef,
      object: from === null && to === null ? form : `${form} ${from ?? ''}..${to ?? ''}`,
    });
  }
}
