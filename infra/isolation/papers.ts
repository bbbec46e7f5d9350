import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bareEnvironment, run } from '../services/child-process.js';
import type { Services } from '../services/services.js';
import type { Papers } from './expected-matrix.js';

/** Certificate chain and key as a TLS client shows them, PEM; neither where it shows none. */
export interface ClientPair {
  cert?: string;
  key?: string;
}

/** Makes what somebody shows at the gateway's door. The forged ones differ from the agent's in the one thing they are named after. */
export async function papers(shows: Papers, { dataDir }: Pick<Services, 'dataDir'>): Promise<ClientPair> {
  const ca = (name: string): string => join(dataDir, 'inside/ca', name);
  const agent = join(dataDir, 'inside/tls/agent');
  switch (shows) {
    case 'no certificate':
      return {};
    case 'a certificate that signs itself':
      return issue({});
    case "a certificate of the DMZ's own CA":
      return issue({ signer: ca('dmz-ca') });
    case 'a certificate for another name':
      return issue({ signer: ca('crossing-ca'), name: 'sync-agent2' });
    case 'a certificate that has expired':
      return issue({ signer: ca('crossing-ca'), days: -1 });
    case "a certificate that the agent's own signed": {
      const { cert = '', ...key } = await issue({ signer: agent });
      return { cert: cert + readFileSync(`${agent}.crt`, 'utf8'), ...key };
    }
    case "the gateway's own certificate":
      return pairAt(join(dataDir, 'dmz/tls/gateway'));
    case "the agent's certificate":
      return pairAt(agent);
  }
}

function pairAt(path: string): ClientPair {
  return { cert: readFileSync(`${path}.crt`, 'utf8'), key: readFileSync(`${path}.key`, 'utf8') };
}

/** @param signer path of the authority's pair; without one the certificate signs itself */
async function issue({
  signer,
  name = 'sync-agent',
  days = 2,
}: {
  signer?: string;
  name?: string;
  days?: number;
}): Promise<ClientPair> {
  const folder = mkdtempSync(join(tmpdir(), 'papers-'));
  const path = join(folder, 'pair');
  const openssl = (args: string[]): Promise<string> => run('openssl', args, { env: bareEnvironment(folder) });
  const request = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`];
  try {
    await openssl(['req', ...request, '-keyout', `${path}.key`, '-out', `${path}.csr`]);
    const by =
      signer === undefined
        ? ['-signkey', `${path}.key`]
        : ['-CA', `${signer}.crt`, '-CAkey', `${signer}.key`, '-CAcreateserial', '-CAserial', `${path}.serial`];
    await openssl(['x509', '-req', '-in', `${path}.csr`, ...by, '-days', String(days), '-out', `${path}.crt`]);
    return pairAt(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
