import { randomUUID } from 'node:crypto';
import cookie from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import type { DestinationStream } from 'pino';
import { LIMITS } from 'sync-contract/limits';
import { AppModule } from './app.module.js';
import type { PortalConfig } from './config.js';
import { PortalMetrics } from './health/portal-metrics.js';
import { processLogger } from './log/process-log.js';
import { logRequests } from './log/request-log.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { NotFound } from './problems/request.problems.js';
import { acceptJsonOnly } from './web/json-body.js';
import { requireSameOrigin } from './web/same-origin.js';
import { sendSecurityHeaders } from './web/security-headers.js';
import { serveWebApp } from './web/static-files.js';

const REQUEST_MS = 30_000;

/**
 * The public process, ready to listen.
 * @param log where log lines go instead of standard output
 */
export async function createPortalApp(config: PortalConfig, log?: DestinationStream): Promise<NestFastifyApplication> {
  const logger = processLogger('portal-api', config.logLevel, log);
  const problems = new ProblemFilter();
  const adapter = new FastifyAdapter({
    bodyLimit: LIMITS.publicRequestBytes,
    trustProxy: config.trustProxy.length > 0 ? config.trustProxy : false,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 128 },
    // Addresses that cannot be read lead nowhere.
    frameworkErrors: (_error: unknown, request: FastifyRequest, reply: FastifyReply) => {
      problems.answer(new NotFound(), request, reply);
    },
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config, logger), adapter, {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.setGlobalPrefix('api');
  app.useGlobalFilters(problems);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT']);

  const server = adapter.getInstance();
  logRequests(server, logger);
  app.get(PortalMetrics).measure(server);
  sendSecurityHeaders(server, config.publicOrigin);
  requireSameOrigin(server, config.publicOrigin);
  acceptJsonOnly(server);
  await server.register(cookie);
  await serveWebApp(server, config.webRoot);
  return app;
}
