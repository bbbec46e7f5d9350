import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RequestRefused } from '../problems/request.problems.js';
import { isForApi } from './api-path.js';

const READING = new Set(['GET', 'HEAD']);

/**
 * Before anything is read: what changes something comes from the portal's own page and is JSON; what reads the API is
 * not loaded by a foreign page. Token and custom header are the session guard's part.
 */
export function requireSameOrigin(server: FastifyInstance, publicOrigin: string): void {
  server.addHook('onRequest', (request, _reply, done) => {
    const allowed = READING.has(request.method) ? mayRead(request) : mayWrite(request, publicOrigin);
    done(allowed ? undefined : new RequestRefused());
  });
}

function mayRead(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  return !isForApi(request) || site === undefined || site === 'same-origin' || site === 'none';
}

function mayWrite({ headers }: FastifyRequest, publicOrigin: string): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin === publicOrigin && (site === undefined || site === 'same-origin') && isJsonOrEmpty(headers);
}

function isJsonOrEmpty(headers: FastifyRequest['headers']): boolean {
  const type = headers['content-type'];
  if (type === undefined) {
    return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  }
  return /^application\/json(;\s*charset="?utf-8"?)?$/i.test(type.trim());
}
