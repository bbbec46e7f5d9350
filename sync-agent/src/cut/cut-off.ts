import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { signCut, type Cut } from 'sync-contract/cut';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import type { AgentConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { GatewayConnection } from '../gateway-client/gateway-connection.js';
import { GatewayFailure } from '../gateway-client/gateway-failures.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { agentRests, commitStanding, nextIssuedAt, readRevoked, readStanding } from './cut-ledger.js';

/** One thing that a cut, or its end, has to achieve. */
export interface Step {
  step: 'ledger' | 'gateway' | 'certificate' | 'agent';
  done: boolean;
  /** milliseconds it took */
  ms: number;
  /** what is so now, or what was not possible and what to do */
  sentence: string;
}

/** The cut cannot be lifted as things stand; the message says what to do first. */
export class LiftRefused extends Error {
  readonly code = 'lift-refused';
  readonly logLevel = 'warn';
}

/** The newest of them travel with every statement; older ones the gateway has kept itself. */
const REVOKED_CARRIED = 64;
const AGENT_PATIENCE = 20_000;
const CALL_TIME = 10_000;

/**
 * The DMZ is believed taken. First the ledger says so, which stops the agent wherever the DMZ is; then the gateway is told
 * as long as it listens, which ends all sessions and revokes this agent's certificate; then both are looked at. Nothing
 * else is destroyed. A step that fails holds no other one back, and all of it may be repeated.
 */
export async function cutOff(config: AgentConfig): Promise<Step[]> {
  const fingerprint = fingerprintOf(config);
  let statement = { issuedAt: new Date(), revoked: [fingerprint] };
  let ledger: DataSource | null = null;
  try {
    const committed = await timed('ledger', async () => {
      ledger = await openLedger(config);
      const issuedAt = await nextIssuedAt(ledger.manager);
      const revoked = [fingerprint, ...(await readRevoked(ledger.manager))];
      statement = { issuedAt, revoked: [...new Set(revoked)] };
      await commitStanding(ledger, { issuedAt, state: 'cut', revoked: fingerprint });
      return 'the ledger says that the DMZ is cut off: no agent does anything from now on, also after a restart';
    });
    const told = await timed('gateway', async () => {
      await tellGateway(config, { state: 'cut', ...statement });
      return 'the gateway has it durably: sign-in is off and every session ends within a second';
    });
    const refused = await timed('certificate', () => proveRefused(config));
    const rests = await timed('agent', () => awaitRest(ledger, config));
    // Told before: the gateway listens to this certificate no more, which it does only after a cut.
    const known = { ...told, done: true, sentence: 'the gateway was told before: nobody is signed in, sign-in is off' };
    return [committed, !told.done && refused.done ? known : told, refused, rests];
  } finally {
    await closeLedger(ledger);
  }
}

/**
 * The DMZ is trusted again. The gateway hears it first, over a new certificate, so that nothing is lifted here as long
 * as it is not lifted there. Sessions of before the cut stay over.
 * @param dmzIsTrustedAgain the operator's word that the DMZ is clean
 * @throws LiftRefused
 */
export async function liftCut(config: AgentConfig, dmzIsTrustedAgain: boolean): Promise<Step[]> {
  if (!dmzIsTrustedAgain) {
    throw new LiftRefused(
      'Lifting a cut opens the DMZ to patients again: when it was set up anew or found to be clean, say so with ' +
        '--dmz-is-trusted-again.',
    );
  }
  const ledger = await openLedger(config);
  try {
    const standing = await readStanding(ledger.manager);
    if (standing?.state !== 'cut') {
      throw new LiftRefused('The DMZ is not cut off: there is nothing to lift.');
    }
    const revoked = await readRevoked(ledger.manager);
    if (revoked.includes(fingerprintOf(config))) {
      throw new LiftRefused(
        'AGENT_CERT_FILE is the certificate that was revoked, for good: make a new key and certificate of the crossing’s ' +
          'CA, put them in place of AGENT_KEY_FILE and AGENT_CERT_FILE, and repeat.',
      );
    }
    const issuedAt = await nextIssuedAt(ledger.manager);
    const told = await timed('gateway', async () => {
      await tellGateway(config, { state: 'lifted', issuedAt, revoked });
      return 'the gateway has it durably: patients may sign in again within a second';
    });
    if (!told.done) {
      return [told];
    }
    const committed = await timed('ledger', async () => {
      await commitStanding(ledger, { issuedAt, state: 'lifted', revoked: null });
      return 'the ledger says that the DMZ is trusted: the agent works again within a second';
    });
    return [told, committed];
  } finally {
    await closeLedger(ledger);
  }
}

async function tellGateway(
  config: AgentConfig,
  { state, issuedAt, revoked }: { state: Cut['state']; issuedAt: Date; revoked: readonly string[] },
): Promise<void> {
  const keys = KeyStore.open(config.keyDir, config.siteId);
  const gateway = new GatewayClient(
    new GatewayConnection(config.gateway),
    config.siteId,
    keys.statements,
    () => undefined,
  );
  try {
    const cut: Cut = {
      v: PROTOCOL_VERSION,
      site: config.siteId,
      state,
      issuedAt: issuedAt.toISOString(),
      revoked: revoked.slice(0, REVOKED_CARRIED),
    };
    await gateway.sendCut({ statement: signCut(cut, keys.signing) });
    crashPoint('after-push:cut');
  } finally {
    await gateway.close();
  }
}

const Refusal = z.object({ code: z.literal('agent-revoked') });

/** Not what the gateway promised but what it does. */
async function proveRefused(config: AgentConfig): Promise<string> {
  const connection = new GatewayConnection(config.gateway);
  try {
    const hello = { v: PROTOCOL_VERSION, site: config.siteId, now: new Date().toISOString() };
    const { status, json } = await connection.post(GATEWAY_ROUTES.hello, hello, CALL_TIME);
    if (status !== 403 || !Refusal.safeParse(json).success) {
      throw new StepFailed('the gateway still listens to this agent’s certificate: block the agent’s way to the DMZ');
    }
    return 'a connection with the agent’s certificate is refused as revoked';
  } finally {
    await connection.close();
  }
}

async function awaitRest(ledger: DataSource | null, { database }: AgentConfig): Promise<string> {
  const limit = Date.now() + AGENT_PATIENCE;
  while (ledger !== null && Date.now() < limit) {
    if (await agentRests(ledger.manager, database.ledgerName)) {
      return 'no agent works on the ledger';
    }
    await pause(20);
  }
  throw new StepFailed('it is not seen that the agent rests: stop its process');
}

/** A sentence of our own. */
class StepFailed extends Error {
  readonly code = 'step-failed';
}

const UNDONE: Record<Step['step'], string> = {
  ledger: 'the ledger cannot be written: stop the agent’s process by hand, and repeat when the ledger is back',
  gateway:
    'the gateway was not told: block the DMZ at the firewall and switch it off there, and repeat when it can be reached',
  certificate: 'it was not seen that the gateway refuses the agent’s certificate: block the agent’s way to the DMZ',
  agent: 'it is not seen that the agent rests: stop its process',
};

async function timed(step: Step['step'], work: () => Promise<string>): Promise<Step> {
  const began = performance.now();
  const took = (): number => Math.round(performance.now() - began);
  try {
    const sentence = await work();
    return { step, done: true, ms: took(), sentence };
  } catch (failure: unknown) {
    const own = failure instanceof GatewayFailure ? ` (${failure.message})` : '';
    const sentence = failure instanceof StepFailed ? failure.message : `${UNDONE[step]}${own}`;
    return { step, done: false, ms: took(), sentence };
  }
}

/** SHA-256 of the certificate with which this agent comes, hex. */
function fingerprintOf({ gateway }: AgentConfig): string {
  return new X509Certificate(readFileSync(gateway.certFile)).fingerprint256.replaceAll(':', '').toLowerCase();
}

function openLedger({ database, writer }: AgentConfig): Promise<DataSource> {
  return createLedgerDataSource(database, writer).initialize();
}

async function closeLedger(ledger: DataSource | null): Promise<void> {
  await ledger?.destroy();
}
