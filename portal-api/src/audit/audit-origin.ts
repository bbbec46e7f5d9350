import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { PortalRequest } from '../sessions/portal-request.js';
import type { AuditFact } from './audit-chain.js';

/** The part of an audit entry that the request itself gives. */
export type AuditOrigin = Pick<AuditFact, 'actor' | 'session' | 'ip' | 'requestId'>;

export function auditOriginOf(request: PortalRequest): AuditOrigin {
  return {
    actor: request.session?.accountRef ?? null,
    session: request.session?.idHash ?? null,
    ip: request.ip,
    requestId: request.id,
  };
}

/** `@Origin() origin: AuditOrigin` */
export const Origin = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  auditOriginOf(context.switchToHttp().getRequest<PortalRequest>()),
);
