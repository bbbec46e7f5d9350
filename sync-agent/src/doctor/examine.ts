import {
  ConfigurationRefused,
  readAgentConfig,
  readOwnerIfAny,
  readSecretFiles,
  type Account,
  type AgentConfig,
  type Environment,
} from '../config.js';
import { checkAgentPair } from './check-certificates.js';
import { checkDatabase } from './check-database.js';
import { checkSecretFiles } from './check-files.js';
import { checkGateway } from './check-gateway.js';
import { checkHost } from './check-host.js';
import { checkKeys, isProduction } from './check-keys.js';
import { checkOpenEmrApi } from './check-openemr-api.js';
import { checkRedis } from './check-redis.js';
import { finding, together, type Finding, type Outcome } from './finding.js';
import { guarded } from './guarded.js';

/** What `doctor` found. It is healthy when there is no finding. */
export type Examination = Required<Outcome>;

/**
 * Looks at every prerequisite and changes none of them; safe beside a running agent. No check waits for another's
 * success unless it cannot do without, and then says so.
 */
export async function examine(environment?: Environment, now = new Date()): Promise<Examination> {
  let config: AgentConfig;
  let owner: Account | null;
  try {
    config = readAgentConfig(environment);
    owner = readOwnerIfAny(environment);
  } catch (failure: unknown) {
    if (!(failure instanceof ConfigurationRefused)) {
      throw failure;
    }
    return together([refusedConfiguration(failure)]);
  }
  return together(
    await Promise.all([
      guarded('the configuration', () => ({
        findings: [...checkOrigin(config), ...checkSecretFiles(readSecretFiles(environment))],
      })),
      guarded('this machine', () => ({ findings: checkHost(config.keyDir) })),
      guarded("the agent's keys and the gateway", () => checkOwnKeysAndGateway(config, now)),
      guarded("OpenEMR's database", () => checkDatabase(config, owner, now)),
      guarded("OpenEMR's API", () => checkOpenEmrApi(config.openemrApi)),
      guarded('Redis', () => checkRedis(config, now)),
    ]),
  );
}

function refusedConfiguration({ message }: ConfigurationRefused): Outcome {
  return {
    findings: message
      .split('\n')
      .map((sentence) =>
        finding('configuration-refused', sentence, "set it in the agent's environment; README.md lists the variables"),
      ),
    notChecked: ['everything else, because the configuration is not complete'],
  };
}

function checkOrigin(config: AgentConfig): Finding[] {
  return isProduction(config) && !config.portalOrigin.startsWith('https://')
    ? [
        finding(
          'portal-origin-not-https',
          'PORTAL_ORIGIN is an address without TLS',
          "set it to the portal's https address, which patients type",
        ),
      ]
    : [];
}

async function checkOwnKeysAndGateway(config: AgentConfig, now: Date): Promise<Outcome> {
  const { findings, keys } = checkKeys(config, now);
  const pair = checkAgentPair(config.gateway, now);
  const own: Outcome = {
    findings: [...findings, ...pair.findings],
    ...(keys === null
      ? { notChecked: ["whether the gateway accepts the agent's keys, because they are not in order"] }
      : {}),
  };
  const gateway: Outcome = pair.usable
    ? await guarded('the gateway', () => checkGateway(config, keys?.statements ?? null, now))
    : { findings: [], notChecked: ["the gateway, because the agent's certificate cannot be used"] };
  return together([own, gateway]);
}
