import { Injectable } from '@nestjs/common';
import { isAhead } from 'sync-contract/claimed-time';
import { TIMES } from 'sync-contract/limits';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import type { ChartStatusView } from '../http.js';
import { NotFound } from '../problems/request.problems.js';
import { SessionGrants } from '../sessions/session-grants.js';
import type { ChartAccess, Session } from '../sessions/session.js';
import { ChartReader, type OpenedSection } from '../replica/chart-reader.js';
import type { StoredChart } from '../replica/chart-query.js';

/** The stored grants are not the session's any more. */
class GrantsMoved extends Error {}

/** What the signed-in person sees of a chart; every look is in the audit log before it is answered. */
@Injectable()
export class ChartsService {
  constructor(
    private readonly reader: ChartReader,
    private readonly grants: SessionGrants,
    private readonly audit: AuditService,
  ) {}

  async status(chart: ChartAccess, origin: AuditOrigin): Promise<ChartStatusView> {
    const { currentAsOf, manifest, frozen, sections } = await this.reader.standing(chart);
    await this.audit.record({ ...origin, action: 'chart-status', outcome: 'ok', onBehalfOf: chart.patientRef });
    return { currentAsOf, freshness: freshnessOf(currentAsOf, new Date()), frozen, sections, manifest };
  }

  /**
   * One section. The account's grants are part of the same SELECT as the section: a revoked one is refused with this
   * very request, an unchanged one costs nothing.
   */
  async section(session: Session, patientRef: string, name: string, origin: AuditOrigin): Promise<OpenedSection> {
    const known = session.chart(patientRef);
    const opened = known && (await this.openWithGrants(session, known, name));
    if (opened) {
      return this.recorded(opened, patientRef, origin);
    }
    await this.grants.refresh(session, origin);
    const chart = session.chart(patientRef);
    if (chart === undefined) {
      await this.audit.record({ ...origin, action: 'access-refused', outcome: 'refused', object: patientRef });
      throw new NotFound();
    }
    return this.recorded(await this.reader.open(chart, name), patientRef, origin);
  }

  /** Undefined when the stored grants differ from the session's. */
  private async openWithGrants(session: Session, chart: ChartAccess, name: string): Promise<OpenedSection | undefined> {
    const accept = (stored: StoredChart): void => {
      if (stored.accountState === null || stored.accountState === 'revoked') {
        throw new GrantsMoved();
      }
      if (stored.grants !== session.grantList) {
        throw new GrantsMoved();
      }
    };
    try {
      const { accountRef } = session;
      return await this.reader.open(chart, name, { accountRef, grantId: chart.grantId, accept });
    } catch (error: unknown) {
      if (error instanceof GrantsMoved) {
        return undefined;
      }
      throw error;
    }
  }

  private async recorded(section: OpenedSection, patientRef: string, origin: AuditOrigin): Promise<OpenedSection> {
    await this.audit.record({
      ...origin,
      action: 'chart-read',
      outcome: 'ok',
      onBehalfOf: patientRef,
      object: section.sectionId,
    });
    return section;
  }
}

/** By the age of T. A chart that has not come is as old as can be, and so is one whose T lies ahead. */
export function freshnessOf(currentAsOf: string | null, now: Date): ChartStatusView['freshness'] {
  if (currentAsOf === null || isAhead(currentAsOf, now.getTime())) {
    return 'red';
  }
  const age = now.getTime() - Date.parse(currentAsOf);
  if (age >= TIMES.red) {
    return 'red';
  }
  return age >= TIMES.amber ? 'amber' : 'current';
}
