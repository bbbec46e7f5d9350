import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ScopedGrantNotSupported } from 'sync-contract/grant';
import { ProtocolVersionRefused } from 'sync-contract/protocol';
import { StatementRefused } from 'sync-contract/signed';
import { isOutOfRoom } from '../database/out-of-room.js';
import { placeOf } from '../log/failure-place.js';
import { noteProblem } from '../log/noted-problem.js';
import {
  GatewayFailed,
  GatewayOutOfRoom,
  GatewayProblem,
  NotSupportedYet,
  RouteUnknown,
  StatementNotAccepted,
  WireNotJson,
  WireNotSupported,
  WireTooLarge,
  VersionRefused,
} from './gateway.problems.js';

/** Turns whatever was thrown into one RFC 9457 answer and one line in the log, neither of which repeats what was sent. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Gateway');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const problem = problemOf(error);
    noteProblem(reply.raw, problem.code);
    this.log(problem, error, http.getRequest<FastifyRequest>());
    if (reply.sent || reply.raw.destroyed) {
      return;
    }
    void reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem.toBody()));
  }

  private log(problem: GatewayProblem, error: unknown, request: FastifyRequest): void {
    const entry = {
      requestId: request.id,
      code: problem.code,
      ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    };
    switch (problem.level) {
      case 'debug':
        this.logger.debug(entry);
        break;
      case 'info':
        this.logger.log(entry);
        break;
      case 'warn':
        this.logger.warn(entry);
        break;
      case 'error':
        this.logger.error({ ...entry, failure: placeOf(error) });
        break;
    }
  }
}

function problemOf(error: unknown): GatewayProblem {
  if (error instanceof GatewayProblem) {
    return error;
  }
  if (error instanceof StatementRefused) {
    return new StatementNotAccepted(error.message);
  }
  if (error instanceof ProtocolVersionRefused) {
    return new VersionRefused(error.message);
  }
  if (error instanceof ScopedGrantNotSupported) {
    return new NotSupportedYet(error.message);
  }
  if (isOutOfRoom(error)) {
    return new GatewayOutOfRoom();
  }
  switch (statusOf(error)) {
    case 400:
      return new WireNotJson();
    case 404:
    case 405:
      return new RouteUnknown();
    case 413:
      return new WireTooLarge();
    case 415:
      return new WireNotSupported();
    default:
      return new GatewayFailed();
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) {
    return error.getStatus();
  }
  // Fastify's own errors carry their status.
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;
}
