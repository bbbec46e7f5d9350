import { randomUUID } from 'node:crypto';
import type { Server } from 'node:https';
import { Logger as NestLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import type { DestinationStream } from 'pino';
import { LIMITS, TIMES } from 'sync-contract/limits';
import type { GatewayConfig } from '../gateway-config.js';
import { nestsDeeper } from '../json/json-depth.js';
import { processLogger } from '../log/process-log.js';
import { logRequests } from '../log/request-log.js';
import { isAgent } from './agent.guard.js';
import { CutStore } from './cut-store.service.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { GatewayModule } from './gateway.module.js';
import { AgentRevoked, WireNotJson } from './gateway.problems.js';
import { ProblemFilter } from './problem.filter.js';

/** Times and numbers against callers that are slow or many. The agent itself needs far less. */
const HANDSHAKE_MS = 5_000;
const HEADERS_MS = 5_000;
const REQUEST_MS = 30_000;
const CONNECTIONS = 64;
const HEADER_BYTES = 8 * 1024;

/**
 * The sync-gateway, not yet listening: HTTPS with TLS 1.3 only, a client certificate of the crossing's CA with the
 * agent's name on every connection, JSON bodies with limits, unknown routes refused.
 * @param log where log lines go instead of standard output
 */
export async function createGateway(config: GatewayConfig, log?: DestinationStream): Promise<NestFastifyApplication> {
  const logger = processLogger('sync-gateway', config.logLevel, log);
  const adapter = new FastifyAdapter<Server>({
    https: {
      cert: config.tls.certificate,
      key: config.tls.key,
      ca: config.tls.agentCa,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      handshakeTimeout: HANDSHAKE_MS,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HEADER_BYTES,
    },
    bodyLimit: LIMITS.gatewayRequestBytes,
    requestTimeout: REQUEST_MS,
    // Idle sockets go, but not one whose lease is waiting.
    connectionTimeout: TIMES.leaseWait + REQUEST_MS,
    keepAliveTimeout: 60_000,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    // Clients do not choose ids that end up in the log.
    requestIdHeader: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    exposeHeadRoutes: false,
  });
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.forRoot(config, logger), adapter, {
    bufferLogs: true,
    bodyParser: false,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.useGlobalFilters(new ProblemFilter());
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  const fastify = adapter.getInstance();
  logRequests(fastify, logger);
  const metrics = app.get(GatewayMetrics);
  metrics.measure(fastify);
  const cuts = app.get(CutStore);
  // Before the body is read. An answer, and no cut connection: the operator inside has to see why.
  fastify.addHook('onRequest', (request, reply, done) => {
    const revoked = cuts.isRevoked(request.raw.socket);
    if (revoked) {
      reply.header('connection', 'close');
    }
    done(revoked ? new AgentRevoked() : undefined);
  });
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (nestsDeeper(body, LIMITS.jsonDepth)) {
      done(new WireNotJson());
      return;
    }
    void parse(request, body.toString('utf8'), done);
  });
  admitOnlyTheAgent(adapter.getHttpServer(), config.agentCommonName, cuts, metrics);
  return app;
}

/** Everybody else is cut off before a byte of HTTP is read. */
function admitOnlyTheAgent(server: Server, commonName: string, cuts: CutStore, metrics: GatewayMetrics): void {
  const logger = new NestLogger('Gateway');
  server.maxConnections = CONNECTIONS;
  server.prependListener('secureConnection', (socket) => {
    if (!isAgent(socket, commonName)) {
      logger.warn('a client certificate with another name than the agent’s was refused');
      metrics.countRefused('name');
      socket.destroy();
      return;
    }
    cuts.watch(socket);
  });
  server.on('tlsClientError', (error) => {
    const { code } = error as NodeJS.ErrnoException;
    metrics.countRefused('handshake');
    logger.warn(`a connection was refused at the TLS handshake: ${code ?? error.name}`);
  });
}
