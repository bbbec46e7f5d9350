import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import type { Signed } from 'sync-contract/signed';
import type { AgentConfig, GatewayConfig } from '../config.js';
import { failureCode } from '../failure-code.js';
import { GatewayClient, type Handshake } from '../gateway-client/gateway-client.js';
import { GatewayConnection } from '../gateway-client/gateway-connection.js';
import { GatewayFailure } from '../gateway-client/gateway-failures.js';
import { checkEnd } from './check-certificates.js';
import { clockDifference } from './clock-difference.js';
import { connectTrouble, type ConnectTrouble } from '../connect-failure.js';
import { finding, type Finding, type Outcome } from './finding.js';

const PATIENCE = 5_000;

/**
 * Name, certificate, protocol, site, clock and pinned root of the gateway. Asks what a starting agent asks, but leaves
 * the leases of the running one alone; statements that the gateway has already are kept as they are.
 * @param statements null when the agent's own are not in order
 */
export async function checkGateway(
  { gateway, siteId }: Pick<AgentConfig, 'gateway' | 'siteId'>,
  statements: readonly Signed[] | null,
  now: Date,
): Promise<Outcome> {
  let end: Date;
  try {
    end = await shakeHands(gateway);
  } catch (failure: unknown) {
    return {
      findings: [notConnected(gateway, failure)],
      notChecked: ["the gateway's protocol, site, clock and pinned root, because there is no connection to it"],
    };
  }
  const client = new GatewayClient(new GatewayConnection(gateway), siteId, statements ?? [], () => undefined);
  try {
    const outcome = await compare(client, statements !== null);
    return { ...outcome, findings: [...checkEnd("the gateway's certificate", end, now), ...outcome.findings] };
  } finally {
    await client.close();
  }
}

async function compare(client: GatewayClient, withKeys: boolean): Promise<Outcome> {
  try {
    const findings = checkClock(await client.look());
    return { findings: [...findings, ...(withKeys ? await checkRoot(client) : [])] };
  } catch (failure: unknown) {
    return {
      findings: [refusedHello(failure)],
      notChecked: ["the gateway's pinned root key, because it does not answer the handshake as it should"],
    };
  }
}

/** @returns the end of the gateway's certificate, which was verified. @throws the socket's error */
function shakeHands({ url, caFile, certFile, keyFile, name }: GatewayConfig): Promise<Date> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 443 : Number(port),
      ca: readFileSync(caFile),
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      servername: name,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: true,
    });
    socket.setTimeout(PATIENCE, () => socket.destroy(new GatewaySilent()));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const end = socket.getPeerX509Certificate()?.validToDate ?? new Date(0);
      // Whether it takes our certificate is seen by the first call only; what the close brings is no news.
      socket.removeListener('error', reject).on('error', () => undefined);
      socket.destroy();
      resolve(end);
    });
  });
}

class GatewaySilent extends Error {
  readonly code = 'ETIMEDOUT';
}

function notConnected({ name }: GatewayConfig, failure: unknown): Finding {
  const sentences: Record<ConnectTrouble, () => Finding> = {
    untrusted: () =>
      finding(
        'gateway-certificate-refused',
        `the gateway's certificate is not of the CA in GATEWAY_CA_FILE (${failureCode(failure)})`,
        'make sure that GATEWAY_URL leads to the gateway, then give both sides certificates of one CA',
      ),
    over: () =>
      finding(
        'gateway-certificate-over',
        `the gateway's certificate is over or not yet valid (${failureCode(failure)})`,
        "have a new one signed by the crossing's CA and restart the gateway",
      ),
    'other-name': () =>
      finding(
        'gateway-name-wrong',
        `the gateway's certificate is not for the name ${name}`,
        'set GATEWAY_NAME to the name in its certificate, or GATEWAY_URL to the gateway',
      ),
    tls: () =>
      finding(
        'gateway-tls-old',
        `what answers at GATEWAY_URL does not speak TLS 1.3 (${failureCode(failure)})`,
        'set GATEWAY_URL to the gateway itself, and let nothing in between take the connection apart',
      ),
    unreachable: () =>
      finding(
        'gateway-unreachable',
        `nothing answers at GATEWAY_URL (${failureCode(failure)})`,
        'start the gateway, and let the firewall pass the agent to its port',
      ),
  };
  return sentences[connectTrouble(failure)]();
}

function refusedHello(failure: unknown): Finding {
  if (!(failure instanceof GatewayFailure)) {
    throw failure;
  }
  switch (failure.code) {
    case 'gateway-unreachable':
      return finding(
        'gateway-refuses-agent',
        "the gateway ends the connection once it has seen the agent's certificate",
        "use a certificate of the CA in the gateway's AGENT_CA_FILE with the name in its AGENT_COMMON_NAME",
      );
    case 'gateway-foreign-site':
      return finding(
        'gateway-foreign-site',
        'the gateway belongs to another site than this agent',
        'set SITE_ID to the same value on both sides, or GATEWAY_URL to the gateway of this site',
      );
    case 'gateway-protocol-refused':
      return finding(
        'gateway-protocol',
        'gateway and agent share no version of the protocol',
        'update the older of the two',
      );
    default:
      return failing(failure);
  }
}

function checkClock({ skewMs, skewAlarm }: Handshake): Finding[] {
  return skewAlarm
    ? [
        finding(
          'gateway-clock',
          `the clock of the DMZ is ${clockDifference(skewMs)} that of this machine`,
          'let both follow one time source',
        ),
      ]
    : [];
}

async function checkRoot(client: GatewayClient): Promise<Finding[]> {
  try {
    await client.offerKeys();
    return [];
  } catch (failure: unknown) {
    if (!(failure instanceof GatewayFailure)) {
      throw failure;
    }
    return failure.code === 'gateway-refused'
      ? [
          finding(
            'gateway-root-key',
            "the gateway does not accept the agent's keys: it pins another root key",
            'copy root.pub of the key folder to the DMZ and set ROOT_PUBLIC_KEY_FILE of gateway and portal-api to it',
          ),
        ]
      : [failing(failure)];
  }
}

function failing(failure: GatewayFailure): Finding {
  return finding('gateway-failing', failure.message, "look into the gateway's log and repair what it names");
}
