import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { notedProblem } from './noted-problem.js';

/** One line per answer: the route's pattern, never the address that was asked for. */
export function logRequests(server: FastifyInstance, logger: Logger): void {
  server.addHook('onResponse', (request, reply, done) => {
    const code = notedProblem(reply.raw);
    logger.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ...(code === undefined ? {} : { code }),
        ms: Math.round(reply.elapsedTime),
      },
      'answered',
    );
    done();
  });
}
