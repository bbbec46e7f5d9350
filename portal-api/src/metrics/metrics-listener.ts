import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { MetricsAddress } from './metrics-environment.js';

const REQUEST_MS = 5_000;
const CONNECTIONS = 8;

/** A listener of its own for `GET /metrics`: the public one never shows them, and this one shows nothing else. */
export class MetricsListener implements AsyncDisposable {
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async open({ host, port }: MetricsAddress, registry: Registry): Promise<MetricsListener> {
    const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
      void answer(registry, request, response);
    });
    server.maxConnections = CONNECTIONS;
    server.listen(port, host);
    await once(server, 'listening');
    return new MetricsListener(server, (server.address() as AddressInfo).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await Promise.resolve();
  }
}

async function answer(registry: Registry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' || request.url !== '/metrics') {
    response.writeHead(404).end();
    return;
  }
  try {
    const text = await registry.metrics();
    response.writeHead(200, { 'content-type': registry.contentType }).end(text);
  } catch {
    response.writeHead(500).end();
  }
}
