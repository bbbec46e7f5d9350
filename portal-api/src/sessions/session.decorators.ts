import { SetMetadata, createParamDecorator, type CustomDecorator, type ExecutionContext } from '@nestjs/common';
import type { GrantTerms } from 'sync-contract/grant';
import { SignedOut } from '../problems/request.problems.js';
import type { PortalRequest } from './portal-request.js';
import type { ChartAccess, Session } from './session.js';

export const PUBLIC_ROUTE = 'portal:public';
export const NEEDED_SCOPE = 'portal:scope';

/** Opens a route or controller to people without a session. Everything else is closed by SessionGuard. */
export function Public(): CustomDecorator {
  return SetMetadata(PUBLIC_ROUTE, true);
}

/** With ChartGuard: the grant must have this scope beside reading. */
export function NeedsScope(scope: GrantTerms['scopes'][number]): CustomDecorator {
  return SetMetadata(NEEDED_SCOPE, scope);
}

/** `@CurrentSession() session: Session` on a route that is not public. */
export const CurrentSession = createParamDecorator((_data: unknown, context: ExecutionContext): Session => {
  const { session } = context.switchToHttp().getRequest<PortalRequest>();
  if (session === undefined) {
    throw new SignedOut();
  }
  return session;
});

/** `@CurrentChart() chart: ChartAccess` on a route with `@UseGuards(ChartGuard)`. */
export const CurrentChart = createParamDecorator((_data: unknown, context: ExecutionContext): ChartAccess => {
  const { chart } = context.switchToHttp().getRequest<PortalRequest>();
  if (chart === undefined) {
    throw new Error('CurrentChart needs ChartGuard on its route');
  }
  return chart;
});
