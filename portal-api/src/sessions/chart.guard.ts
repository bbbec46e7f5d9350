import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Ref } from 'sync-contract/identifiers';
import type { GrantTerms } from 'sync-contract/grant';
import { auditOriginOf } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { NotFound } from '../problems/request.problems.js';
import type { PortalRequest } from './portal-request.js';
import { NEEDED_SCOPE } from './session.decorators.js';
import { SessionGrants } from './session-grants.js';
import { ScopeMissing } from './session.problems.js';

/**
 * For routes with `:patientRef`: the session must hold a grant that is still stored, verified and in force. A chart
 * of somebody else and one that does not exist answer alike.
 */
@Injectable()
export class ChartGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly grants: SessionGrants,
    private readonly audit: AuditService,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<PortalRequest>();
    const patientRef = Ref.safeParse((request.params as Record<string, unknown>)['patientRef']);
    const { session } = request;
    if (session === undefined) {
      throw new Error('ChartGuard runs after SessionGuard');
    }
    await this.grants.refresh(session, auditOriginOf(request));
    const chart = patientRef.success ? session.chart(patientRef.data) : undefined;
    if (chart === undefined) {
      await this.audit.record({
        ...auditOriginOf(request),
        action: 'access-refused',
        outcome: 'refused',
        object: patientRef.data ?? null,
      });
      throw new NotFound();
    }
    const scope = this.reflector.getAllAndOverride<GrantTerms['scopes'][number] | undefined>(NEEDED_SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (scope !== undefined && !chart.scopes.includes(scope)) {
      await this.audit.record({
        ...auditOriginOf(request),
        action: 'access-refused',
        outcome: 'refused',
        onBehalfOf: chart.patientRef,
        reason: 'scope-missing',
      });
      throw new ScopeMissing();
    }
    request.chart = chart;
    return true;
  }
}
