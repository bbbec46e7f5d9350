import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testServices } from 'infra/services/test-services';

/** Certificate and key as a TLS client presents them. */
export interface ClientPair {
  cert: string;
  key: string;
}

export interface Answer {
  status: number;
  contentType: string;
  body: unknown;
}

/** The agent's own pair, as the installation makes it. */
export function agentPair(): ClientPair {
  const folder = join(testServices().inside.dir, 'tls');
  return {
    cert: readFileSync(join(folder, 'agent.crt'), 'utf8'),
    key: readFileSync(join(folder, 'agent.key'), 'utf8'),
  };
}

const DAY = 86_400_000;

/**
 * A pair that differs from the agent's in one thing, or under the gateway's name from the gateway's. `ca: 'own'` signs
 * itself; `valid` is in days from now.
 */
export function strangerPair(differs: {
  commonName?: string;
  ca?: 'own' | 'dmz-ca';
  valid?: readonly [from: number, to: number];
}): ClientPair {
  const { commonName = 'sync-agent', ca = 'crossing-ca', valid = [-1, 2] } = differs;
  const folder = mkdtempSync(join(tmpdir(), 'stranger-'));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'pipe' });
  };
  const authority = join(testServices().inside.dir, 'ca', ca);
  const signer =
    ca === 'own' ? ['-selfsign', '-keyfile', at('key')] : ['-cert', `${authority}.crt`, '-keyfile', `${authority}.key`];
  const [from, to] = valid.map((days) => asn1Time(new Date(Date.now() + days * DAY)));
  writeFileSync(at('index'), '');
  writeFileSync(
    at('cnf'),
    `[ca]\ndefault_ca=own\n[own]\ndatabase=${at('index')}\nnew_certs_dir=${folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n`,
  );
  try {
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${commonName}`],
      ...['-keyout', at('key'), '-out', at('csr')],
    );
    openssl(
      ...['ca', '-batch', '-notext', '-config', at('cnf'), ...signer],
      ...['-startdate', from ?? '', '-enddate', to ?? '', '-in', at('csr'), '-out', at('crt')],
    );
    return { cert: readFileSync(at('crt'), 'utf8'), key: readFileSync(at('key'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As ASN.1 writes it: 20260131235959Z. */
function asn1Time(at: Date): string {
  return `${at.toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
}

/** A plain HTTPS client of the gateway, without any of the agent's code. */
export class TestAgent implements Disposable {
  private readonly connections: Agent;

  constructor(
    private readonly port: number,
    /** null comes without a certificate */
    pair: ClientPair | null = agentPair(),
    options: { maxVersion?: 'TLSv1.2' | 'TLSv1.3' } = {},
  ) {
    this.connections = new Agent({
      ...pair,
      ...options,
      ca: readFileSync(join(testServices().inside.dir, 'tls/crossing-ca.crt'), 'utf8'),
      servername: 'sync-gateway.dmz',
      keepAlive: true,
    });
  }

  /** @param body a value that is sent as JSON, or text that is sent as it is */
  async post(
    path: string,
    body: unknown,
    options: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: this.port,
          path,
          method: 'POST',
          agent: this.connections,
          ...options,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
            ...options.headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const raw = Buffer.concat(chunks).toString('utf8');
            const contentType = response.headers['content-type'] ?? '';
            resolve({
              status: response.statusCode ?? 0,
              contentType,
              body: raw !== '' && /json/.test(contentType) ? JSON.parse(raw) : raw,
            });
          });
        },
      );
      call.on('error', reject);
      call.end(text);
    });
  }

  [Symbol.dispose](): void {
    this.connections.destroy();
  }
}
