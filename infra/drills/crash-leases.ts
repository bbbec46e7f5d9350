import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import type { System } from '../demo/system.js';
import type { Provocation, ProvocationContext } from './crash-provocation.js';

const LEASES_ABANDONED_FOR = 60_000;

export function agentBeginsAnew({ system }: ProvocationContext): Partial<Provocation> {
  return {
    act: async () => {
      await system.programs.agent.kill();
      await system.programs.agent.start();
    },
  };
}

/** The agent's part of the crossing by hand: asks for rows and hangs up while they are being claimed. */
export async function abandonLeases(system: System): Promise<void> {
  const { env } = system.programs.agent;
  const file = (name: string): Buffer => readFileSync(env[name] ?? '');
  const dispatcher = new Agent({
    connect: {
      ca: file('GATEWAY_CA_FILE'),
      cert: file('AGENT_CERT_FILE'),
      key: file('AGENT_KEY_FILE'),
      servername: env['GATEWAY_NAME'],
      minVersion: 'TLSv1.3',
    },
  });
  const { gateway } = system.programs;
  const armed = gateway.pid;
  const limit = Date.now() + LEASES_ABANDONED_FOR;
  try {
    for (let turn = 0; Date.now() < limit && gateway.pid === armed; turn += 1) {
      await request(`${env['GATEWAY_URL'] ?? ''}${GATEWAY_ROUTES.lease}`, {
        method: 'POST',
        dispatcher,
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ v: PROTOCOL_VERSION, limit: 1, waitMs: 0 }),
        signal: AbortSignal.timeout(1 + (turn % 12)),
      })
        .then(({ body }) => body.dump())
        .catch(() => undefined);
    }
  } finally {
    await dispatcher.destroy();
  }
}
