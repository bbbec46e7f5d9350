import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { auditOriginOf } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { SignedOut } from '../problems/request.problems.js';
import { CutWatch } from '../replica/cut-watch.js';
import { SESSION_COOKIE, parseHalfKey } from './half-key-cookie.js';
import type { PortalRequest } from './portal-request.js';
import type { Session } from './session.js';
import { SessionStore } from './session.store.js';

export const SESSION_STRATEGY = 'session-cookie';

/**
 * Passport's strategy for the session: both halves must meet, neither end have passed, no cut have ended it. A cookie that opens nothing
 * is in the audit log; a request without one is nobody's try.
 */
@Injectable()
export class SessionStrategy extends PassportStrategy(Strategy, SESSION_STRATEGY) {
  constructor(
    private readonly store: SessionStore,
    private readonly audit: AuditService,
    private readonly cuts: CutWatch,
  ) {
    super();
  }

  async validate(request: PortalRequest): Promise<Session> {
    const cookie = request.cookies[SESSION_COOKIE];
    const half = parseHalfKey(cookie);
    const session = half && (await this.store.load(half, request.headers['x-user-act'] === '1'));
    if (session === null || (await this.cuts.ends(session.startedAt))) {
      if (cookie !== undefined) {
        await this.audit.record({ ...auditOriginOf(request), action: 'session-refused', outcome: 'refused' });
      }
      throw new SignedOut();
    }
    return session;
  }
}
