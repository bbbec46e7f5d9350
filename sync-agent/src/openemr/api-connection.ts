import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { API_FAILURES, OpenEmrPermanent, OpenEmrTransient } from './api-failures.js';

export interface ApiRequest {
  method: 'GET' | 'POST';
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** milliseconds for the whole exchange */
  timeout: number;
  /** largest answer that is read, in bytes */
  limit: number;
}

export interface ApiAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  bytes: Buffer;
}

/** Nothing of the request can have arrived with these; with any other error it may have. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN']);
const NOT_SENT_CONNECT = 'UND_ERR_CONNECT_TIMEOUT';
const CERTIFICATE = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The request was sent and its answer did not arrive whole. For a call that changes something this is doubt. */
export class AnswerLost extends OpenEmrTransient {}

/**
 * HTTPS to OpenEMR: no CA but the named one, the name of the address in the certificate, no redirect followed, an
 * answer's time and size bounded. Failures say what is wrong and nothing of what was sent or answered.
 */
export class ApiConnection {
  readonly origin: string;
  private readonly agent: Agent;

  constructor(url: string, caFile: string) {
    this.origin = new URL(url).origin;
    this.agent = new Agent({
      connections: 2,
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: 10_000,
      maxHeaderSize: 16 * 1024,
      // The exchange's own time bounds headers and body together; these are for a peer that keeps trickling.
      headersTimeout: 0,
      bodyTimeout: 10_000,
      connect: { timeout: 5_000, ca: readFileSync(caFile), minVersion: 'TLSv1.2', rejectUnauthorized: true },
    });
  }

  /** @throws OpenEmrTransient, AnswerLost, OpenEmrPermanent */
  async exchange({ method, path, headers, body, timeout, limit }: ApiRequest): Promise<ApiAnswer> {
    const late = AbortSignal.timeout(timeout);
    try {
      const answer = await request(`${this.origin}${path}`, {
        dispatcher: this.agent,
        method,
        headers: { ...headers },
        body,
        signal: late,
      });
      const bytes = await readBounded(answer.body, limit, Number(answer.headers['content-length'] ?? 0));
      return { status: answer.statusCode, headers: answer.headers, bytes };
    } catch (failure: unknown) {
      if (failure instanceof OpenEmrPermanent) {
        throw failure;
      }
      throw late.aborted
        ? new AnswerLost(API_FAILURES.tooSlow, 'OpenEMR did not answer in time; it is tried again')
        : this.unreachable(failure);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private unreachable(failure: unknown): OpenEmrTransient {
    const code = z.object({ code: z.string() }).safeParse(failure).data?.code ?? 'no code';
    if (CERTIFICATE.has(code)) {
      return new OpenEmrTransient(
        API_FAILURES.certificate,
        `OpenEMR's certificate is not accepted (${code}): OPENEMR_CA_FILE must hold the CA it comes from, and ` +
          'OPENEMR_URL the name it carries',
      );
    }
    if (NOT_SENT.has(code) || code === NOT_SENT_CONNECT) {
      return new OpenEmrTransient(
        API_FAILURES.unreachable,
        `nothing answers at ${this.origin} (${code}): check that OpenEMR runs, OPENEMR_URL, and the firewall`,
      );
    }
    return new AnswerLost(API_FAILURES.broken, `the connection to OpenEMR broke off (${code}); it is tried again`);
  }
}

/** @throws OpenEmrPermanent over the limit; the connection is dropped then, unread */
async function readBounded(
  body: AsyncIterable<unknown> & { destroy(): unknown },
  limit: number,
  announced: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = announced > limit ? announced : 0;
  if (size <= limit) {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) {
        continue;
      }
      size += chunk.length;
      if (size > limit) {
        break;
      }
      chunks.push(Buffer.from(chunk));
    }
  }
  if (size > limit) {
    body.destroy();
    throw new OpenEmrPermanent(
      API_FAILURES.tooLarge,
      `OpenEMR answers more than the ${String(limit)} bytes that are read; the answer was dropped`,
    );
  }
  return Buffer.concat(chunks);
}
