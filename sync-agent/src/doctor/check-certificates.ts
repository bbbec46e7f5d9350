import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { GatewayConfig } from '../config.js';
import { finding, type Finding } from './finding.js';

const DAY = 86_400_000;
const NOTICE = 21 * DAY;

/** A certificate that verifies today and will not for long. @param whose as the sentence begins */
export function checkEnd(whose: string, validTo: Date, now: Date): Finding[] {
  return validTo.getTime() - now.getTime() > NOTICE
    ? []
    : [
        finding(
          'certificate-ends-soon',
          `${whose} ends at ${validTo.toISOString()}`,
          'make its successor before that and restart what uses it',
        ),
      ];
}

/** The pair that the agent shows to the gateway, as its files are. `usable` is false when no connection can be made with it. */
export function checkAgentPair(
  { certFile, keyFile }: Pick<GatewayConfig, 'certFile' | 'keyFile'>,
  now: Date,
): { findings: Finding[]; usable: boolean } {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(certFile));
  } catch {
    const damaged = finding(
      'agent-certificate-damaged',
      'the file in AGENT_CERT_FILE holds no certificate',
      "set AGENT_CERT_FILE to the agent's certificate in PEM form",
    );
    return { findings: [damaged], usable: false };
  }
  if (!isKeyOf(certificate, keyFile)) {
    const mismatch = finding(
      'agent-key-mismatch',
      'the file in AGENT_KEY_FILE is not the key of the certificate in AGENT_CERT_FILE',
      'set both to one pair',
    );
    return { findings: [mismatch], usable: false };
  }
  if (certificate.validToDate <= now || certificate.validFromDate > now) {
    const over = finding(
      'agent-certificate-over',
      `the agent's certificate is valid from ${certificate.validFromDate.toISOString()} to ${certificate.validToDate.toISOString()} only`,
      "have a new one signed by the crossing's CA and set AGENT_CERT_FILE and AGENT_KEY_FILE",
    );
    return { findings: [over], usable: false };
  }
  return { findings: checkEnd("the agent's certificate", certificate.validToDate, now), usable: true };
}

function isKeyOf(certificate: X509Certificate, keyFile: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
  } catch {
    return false;
  }
}
