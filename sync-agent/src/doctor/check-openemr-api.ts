import type { OpenEmrApiConfig } from '../config.js';
import { KeysIncomplete } from '../keys/key-files.js';
import { API_FAILURES, OpenEmrApiFailure } from '../openemr/api-failures.js';
import { CCD_SCOPES, OPENEMR_SCOPES, OpenEmrApi } from '../openemr/openemr-api.js';
import { clockDifference } from './clock-difference.js';
import { finding, type Finding, type Outcome } from './finding.js';

/** HTTP tells whole seconds. */
const SKEW = 6_000;
const CLIENTS = 'in OpenEMR under Admin, System, API Clients';

/** Address, certificate and clock of OpenEMR's API, and whether the agent's client is enabled and has its scopes. */
export async function checkOpenEmrApi(config: OpenEmrApiConfig | undefined): Promise<Outcome> {
  if (config === undefined) {
    return {
      findings: [],
      notes: ["OpenEMR's API was not looked at: OPENEMR_URL is not set, so there are no documents"],
    };
  }
  const findings: Finding[] = [];
  let api: OpenEmrApi | undefined;
  let asked = OPENEMR_SCOPES.join(', ');
  try {
    api = await OpenEmrApi.open(config);
    const { skewMs } = await api.describe();
    findings.push(...checkClock(skewMs ?? 0));
    // Used for nothing and forgotten with this process; that it can be had is the news.
    await api.proveAccess();
    if (config.ccd === true) {
      asked = `${CCD_SCOPES.join(', ')}, which OPENEMR_CCD=on needs`;
      await api.proveCcdAccess();
    }
    return { findings };
  } catch (failure: unknown) {
    return { findings: [...findings, refusal(failure, asked)] };
  } finally {
    await api?.close();
  }
}

function checkClock(skewMs: number): Finding[] {
  return Math.abs(skewMs) > SKEW
    ? [
        finding(
          'api-clock',
          `the clock of OpenEMR's web server is ${clockDifference(skewMs)} that of this machine`,
          'let both follow one time source',
        ),
      ]
    : [];
}

/** @param asked scopes, in words */
function refusal(failure: unknown, asked: string): Finding {
  if (failure instanceof KeysIncomplete) {
    return finding(
      'api-key-damaged',
      "openemr-client.key in the key folder is missing or damaged, so OpenEMR's API is closed to the agent",
      'restore it from the backup of the keys, or run `register --again` and enable the new client',
    );
  }
  if (!(failure instanceof OpenEmrApiFailure)) {
    throw failure;
  }
  switch (failure.code) {
    case API_FAILURES.notRegistered:
      return finding(
        'api-client-missing',
        'the agent is not registered as a client of OpenEMR',
        `run \`register\`, then enable the client ${CLIENTS}`,
      );
    case API_FAILURES.clientDisabled:
      return finding(
        'api-client-disabled',
        "OpenEMR does not know the agent's API client, or it is not enabled",
        `enable it ${CLIENTS}`,
      );
    case API_FAILURES.scopeMissing:
    case API_FAILURES.scopeUnknown:
      return finding(
        'api-scope-missing',
        `OpenEMR does not grant the API client ${asked}`,
        `disable it ${CLIENTS}, run \`register --again\`, and enable the new one`,
      );
    case API_FAILURES.assertion:
      return finding(
        'api-assertion-refused',
        "OpenEMR does not accept the API client's signature",
        "set OPENEMR_URL to OpenEMR's own Site Address, and use the key folder that was registered",
      );
    case API_FAILURES.certificate:
      return finding(
        'api-certificate-refused',
        "the certificate of OpenEMR's web server is not accepted",
        'set OPENEMR_CA_FILE to the CA it comes from, and OPENEMR_URL to the name it carries',
      );
    case API_FAILURES.site:
      return finding(
        'api-site-unknown',
        'OpenEMR has no such site as OPENEMR_SITE names',
        "set it to the site's folder below OpenEMR's sites/",
      );
    case API_FAILURES.unreachable:
      return finding(
        'api-unreachable',
        'nothing answers at OPENEMR_URL',
        "start OpenEMR's web server, set the address, or let the firewall pass the agent",
      );
    default:
      return finding(
        'api-failing',
        `OpenEMR's API does not answer as it should (${failure.code})`,
        "look into OpenEMR's log, and check that OPENEMR_URL is its own address",
      );
  }
}
