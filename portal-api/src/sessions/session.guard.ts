import { timingSafeEqual } from 'node:crypto';
import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { auditOriginOf } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { RequestRefused } from '../problems/request.problems.js';
import { CutWatch } from '../replica/cut-watch.js';
import type { PortalRequest } from './portal-request.js';
import { PUBLIC_ROUTE } from './session.decorators.js';
import { SESSION_STRATEGY } from './session.strategy.js';

const READING = new Set(['GET', 'HEAD']);

/**
 * Registered for every route: closed unless `@Public()`. What changes something must carry the session's own token, or
 * on public routes a header that no foreign page can set without asking first. While the inside has cut the DMZ off nobody
 * joins or signs in.
 */
@Injectable()
export class SessionGuard extends AuthGuard(SESSION_STRATEGY) {
  constructor(
    private readonly reflector: Reflector,
    private readonly audit: AuditService,
    private readonly cuts: CutWatch,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<PortalRequest>();
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (isPublic === true) {
      if (!READING.has(request.method) && request.headers['x-requested-with'] !== 'portal') {
        throw new RequestRefused();
      }
      if (!READING.has(request.method)) {
        await this.cuts.assertOn();
      }
      return true;
    }
    await super.canActivate(context);
    if (!READING.has(request.method) && !this.tokenMatches(request)) {
      await this.audit.record({
        ...auditOriginOf(request),
        action: 'access-refused',
        outcome: 'refused',
        reason: 'csrf',
      });
      throw new RequestRefused();
    }
    return true;
  }

  /** The strategy throws what is to be answered; the session it finds becomes `request.session`. */
  override getAuthenticateOptions(): { session: false; property: string } {
    return { session: false, property: 'session' };
  }

  private tokenMatches(request: PortalRequest): boolean {
    const given = Buffer.from(String(request.headers['x-csrf'] ?? ''), 'utf8');
    const expected = Buffer.from(request.session?.csrf ?? '', 'utf8');
    return expected.length > 0 && given.length === expected.length && timingSafeEqual(given, expected);
  }
}
