import type { FastifyRequest } from 'fastify';
import type { ChartAccess, Session } from './session.js';

/** A request as guards leave it: `session` after SessionGuard, `chart` after ChartGuard. */
export interface PortalRequest extends FastifyRequest {
  session?: Session;
  chart?: ChartAccess;
}
