import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { testServices } from 'infra/services/test-services';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Stands where the gateway should be and does whatever a test makes it do. */
export class RogueGateway implements AsyncDisposable {
  readonly paths: string[] = [];
  answer: Answer = () => undefined;

  private constructor(private readonly server: Server) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.paths.push(request.url ?? '');
      request.resume();
      request.on('end', () => {
        this.answer(request, response);
      });
    });
  }

  static async start(differs: SecureContextOptions = {}): Promise<RogueGateway> {
    const { dir } = testServices().dmz;
    const server = createServer({
      cert: readFileSync(join(dir, 'tls/gateway.crt')),
      key: readFileSync(join(dir, 'tls/gateway.key')),
      ca: readFileSync(join(dir, 'tls/crossing-ca.crt')),
      requestCert: true,
      minVersion: 'TLSv1.3',
      ...differs,
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new RogueGateway(server);
  }

  get url(): string {
    return `https://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export function json(value: unknown, status = 200): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };
}
