import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { LIMITS } from 'sync-contract/limits';
import type { GatewayConfig } from '../config.js';
import { connectTrouble, type ConnectTrouble } from '../connect-failure.js';
import { failureCode } from '../failure-code.js';
import { Permanent, Transient } from './gateway-failures.js';
import { parseBoundedJson } from './bounded-json.js';

export interface GatewayAnswer {
  status: number;
  json: unknown;
}

/**
 * HTTPS to the gateway: TLS 1.3, our client certificate, no CA but the crossing's, and the name of the gateway whatever
 * its address. The other side may be hostile: connecting, headers and the whole answer have their time, an answer is
 * dropped when it grows over the limit, and nested or odd JSON is refused before anybody looks at it.
 */
export class GatewayConnection {
  private readonly agent: Agent;
  private readonly origin: string;

  constructor(config: GatewayConfig) {
    this.origin = new URL(config.url).origin;
    this.agent = new Agent({
      connections: 8,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      maxHeaderSize: 16 * 1024,
      // The call's own time bounds headers and body together; these are for a peer that keeps trickling.
      headersTimeout: 0,
      bodyTimeout: 10_000,
      connect: {
        timeout: 5_000,
        ca: readFileSync(config.caFile),
        cert: readFileSync(config.certFile),
        key: readFileSync(config.keyFile),
        servername: config.name,
        minVersion: 'TLSv1.3',
        rejectUnauthorized: true,
        keepAlive: true,
      },
    });
  }

  /** @throws Transient, Permanent for a request over the limit */
  async post(path: string, body: unknown, timeout: number, signal?: AbortSignal): Promise<GatewayAnswer> {
    const content = Buffer.from(JSON.stringify(body), 'utf8');
    if (content.length > LIMITS.gatewayRequestBytes) {
      throw new Permanent('gateway-request-too-large', 'the call is larger than the gateway takes');
    }
    const late = AbortSignal.timeout(timeout);
    const ends = AbortSignal.any([late, ...(signal === undefined ? [] : [signal])]);
    try {
      const answer = await request(`${this.origin}${path}`, {
        dispatcher: this.agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, application/problem+json' },
        body: content,
        signal: ends,
      });
      const received = await readBounded(answer.body);
      return { status: answer.statusCode, json: parseBoundedJson(received) };
    } catch (failure: unknown) {
      if (failure instanceof Transient) {
        throw failure;
      }
      throw late.aborted
        ? new Transient('gateway-too-slow', 'the gateway did not answer in time')
        : new Transient('gateway-unreachable', notConnected(failure));
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** @throws Transient over the limit; the connection is dropped then, unread */
async function readBounded(body: AsyncIterable<unknown> & { destroy(): unknown }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) {
      continue;
    }
    size += chunk.length;
    if (size > LIMITS.gatewayResponseBytes) {
      body.destroy();
      throw new Transient('gateway-answer-too-large', 'the gateway answers without end; the answer was dropped');
    }
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

const NOT_CONNECTED: Readonly<Record<ConnectTrouble, string>> = {
  untrusted: "the gateway's certificate is not of the CA in GATEWAY_CA_FILE",
  over: "the gateway's certificate is over or not yet valid",
  'other-name': "the gateway's certificate is for another name than GATEWAY_NAME",
  tls: 'what answers at GATEWAY_URL does not speak TLS 1.3',
  unreachable: "the gateway cannot be reached, or ends the connection at the agent's certificate",
};

function notConnected(failure: unknown): string {
  return `${NOT_CONNECTED[connectTrouble(failure)]} (${failureCode(failure)})`;
}
