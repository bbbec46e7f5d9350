import { randomUUID } from 'node:crypto';
import type { Server } from 'node:https';
import { Logger as NestLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { LIMITS, TIMES } from 'sync-contract/limits';
import type { GatewayConfig } from '../gateway-config.js';
import { nestsDeeper } from '../json/json-depth.js';
import { isAgent } from './agent.guard.js';
import { GatewayModule } from './gateway.module.js';
import { WireNotJson } from './gateway.problems.js';
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
 */
export async function createGateway(config: GatewayConfig): Promise<NestFastifyApplication> {
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
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.forRoot(config), adapter, {
    bufferLogs: true,
    bodyParser: false,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.useGlobalFilters(new ProblemFilter());
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  const fastify = adapter.getInstance();
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (nestsDeeper(body, LIMITS.jsonDepth)) {
      done(new WireNotJson());
      return;
    }
    void parse(request, body.toString('utf8'), done);
  });
  admitOnlyTheAgent(adapter.getHttpServer(), config.agentCommonName);
  return app;
}

/** Everybody else is cut off before a byte of HTTP is read. */
function admitOnlyTheAgent(server: Server, commonName: string): void {
  const logger = new NestLogger('Gateway');
  server.maxConnections = CONNECTIONS;
  server.prependListener('secureConnection', (socket) => {
    if (!isAgent(socket, commonName)) {
      logger.warn('a client certificate with another name than the agent’s was refused');
      socket.destroy();
    }
  });
  server.on('tlsClientError', (error) => {
    const { code } = error as NodeJS.ErrnoException;
    logger.warn(`a connection was refused at the TLS handshake: ${code ?? error.name}`);
  });
}
