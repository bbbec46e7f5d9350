import { Injectable } from '@nestjs/common';
import { TIMES } from 'sync-contract/limits';
import type { AuditOrigin } from '../audit/audit-origin.js';
import type { SessionView } from '../http.js';
import { SessionGrants } from './session-grants.js';
import type { Session } from './session.js';

/** What a session shows of itself, after its grants were brought up to date. */
@Injectable()
export class SessionViews {
  constructor(private readonly grants: SessionGrants) {}

  /** @throws SignedOut */
  async of(session: Session, origin: AuditOrigin): Promise<SessionView> {
    const { state, enrolment } = await this.grants.refresh(session, origin);
    return {
      accountRef: session.accountRef,
      csrf: session.csrf,
      state,
      enrolment,
      expiresAt: session.endsAt.toISOString(),
      idleSeconds: TIMES.sessionIdle / 1_000,
      patients: session.chartList.map((chart) => ({
        patientRef: chart.patientRef,
        relation: chart.relation,
        scopes: [...chart.scopes],
      })),
    };
  }
}
