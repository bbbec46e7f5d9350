import type { FastifyInstance } from 'fastify';
import type { Params } from 'nestjs-pino';
import { pino, type DestinationStream, type Logger } from 'pino';

/**
 * Names under which something secret could ever stand in a log entry; their values never do. Requests are not logged as
 * objects at all, this is the second line.
 */
const NEVER = [
  'cookie',
  'cookies',
  'authorization',
  'set-cookie',
  'headers',
  'body',
  'password',
  'secret',
  'query',
  'url',
];

/** @param destination standard output unless a test listens */
export function portalLogger(level: string, destination?: DestinationStream): Logger {
  const redact = { paths: NEVER.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: '[never logged]' };
  return destination === undefined ? pino({ level, redact }) : pino({ level, redact }, destination);
}

/** Nest's messages go to the same log. No middleware: what is logged of a request is `logRequests` alone. */
export function loggerParams(level: string, destination?: DestinationStream): Params {
  return { forRoutes: [], pinoHttp: { logger: portalLogger(level, destination), autoLogging: false } };
}

/** One line per answer: the route's pattern, never the address that was asked for. */
export function logRequests(server: FastifyInstance, logger: Logger): void {
  server.addHook('onResponse', (request, reply, done) => {
    logger.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'answered',
    );
    done();
  });
}
