import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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

/** A pair that differs from the agent's in one thing. `ca: 'own'` signs itself. */
export function strangerPair(differs: { commonName?: string; ca?: 'own' | 'dmz-ca'; expired?: boolean }): ClientPair {
  const folder = mkdtempSync(join(tmpdir(), 'stranger-'));
  const [cert, key] = [join(folder, 'pair.crt'), join(folder, 'pair.key')];
  const ca = join(testServices().inside.dir, 'ca', differs.ca ?? 'crossing-ca');
  const signer = differs.ca === 'own' ? [] : ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`];
  const subject = ['-subj', `/CN=${differs.commonName ?? 'sync-agent'}`];
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
  if (differs.expired === true) {
    execFileSync('openssl', ['req', ...fresh, ...subject, '-out', join(folder, 'pair.csr')], { stdio: 'pipe' });
    execFileSync(
      'openssl',
      [
        'x509',
        '-req',
        '-in',
        join(folder, 'pair.csr'),
        ...signer,
        '-CAcreateserial',
        '-CAserial',
        join(folder, 'serial'),
        '-days',
        '-1',
        '-out',
        cert,
      ],
      { stdio: 'pipe' },
    );
  } else {
    execFileSync('openssl', ['req', '-x509', ...fresh, ...subject, ...signer, '-days', '2', '-out', cert], {
      stdio: 'pipe',
    });
  }
  const pair = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  rmSync(folder, { recursive: true });
  return pair;
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
