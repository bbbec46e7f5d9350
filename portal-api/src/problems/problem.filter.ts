import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isOutOfRoom } from '../database/out-of-room.js';
import { failureCode, placeOf } from '../log/failure-place.js';
import { noteProblem } from '../log/noted-problem.js';
import { Problem, type ProblemLevel } from './problem.js';
import { BodyNotJson, BodyTooLarge, Busy, NoRoom, NotFound, RequestRefused, Unexpected } from './request.problems.js';

/**
 * Every failure becomes an RFC 9457 problem. Of failures nobody planned for the browser learns nothing and the log only
 * the kind and the place: messages of databases and parsers quote what they were given.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const problem = problemOf(error);
    noteProblem(reply.raw, problem.code);
    this.log(problem, error, request);
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (problem.retryAfter !== undefined) {
      reply.header('retry-after', String(problem.retryAfter));
    }
    void reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem.toView()));
  }

  private log(problem: Problem, error: unknown, request: FastifyRequest): void {
    const entry = {
      requestId: request.id,
      code: problem.code,
      ...('reason' in problem && typeof problem.reason === 'string' ? { reason: problem.reason } : {}),
      ...(problem === error || error instanceof HttpException ? {} : { failure: placeOf(error) }),
    };
    const write: Record<ProblemLevel, () => void> = {
      debug: () => {
        this.logger.debug(entry);
      },
      info: () => {
        this.logger.log(entry);
      },
      warn: () => {
        this.logger.warn(entry);
      },
      error: () => {
        this.logger.error(entry);
      },
    };
    write[problem.level]();
  }
}

/** MariaDB is away or going: the same request will succeed when it is back. */
const DATABASE_AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CONNECTION_KILLED',
  'ER_CON_COUNT_ERROR',
]);

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  if (DATABASE_AWAY.has(failureCode(error) ?? '')) {
    return new Busy();
  }
  if (isOutOfRoom(error)) {
    return new NoRoom();
  }
  const status = error instanceof HttpException ? error.getStatus() : statusOf(error);
  switch (status) {
    case 400:
      return new BodyNotJson();
    case 404:
    case 405:
    case 414:
      return new NotFound();
    case 413:
      return new BodyTooLarge();
    case 415:
      return new RequestRefused();
    default:
      return new Unexpected();
  }
}

/** Fastify's own errors carry a status. */
function statusOf(error: unknown): number | undefined {
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
