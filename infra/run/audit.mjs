/**
 * `npm run audit`: the one gate of known weaknesses in what runs in production. Exit code 0: the registry answered and
 * knows of none that is high or critical; 1: it knows some; 4: it did not answer, so nothing is known. No part of
 * `npm test`, which needs no network.
 */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const NOT_MADE = 4;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function audit() {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json', '--loglevel=silent'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  try {
    const answer = JSON.parse(stdout);
    const counts = answer.metadata?.vulnerabilities;
    if (counts !== undefined) {
      return { made: true, counts };
    }
    return {
      made: false,
      counts: {},
      reason: String(answer.message ?? answer.error?.code ?? 'no counts in the answer'),
    };
  } catch {
    return { made: false, counts: {}, reason: 'npm gave no answer' };
  }
}

const { made, counts, reason } = audit();
const bad = (counts.high ?? 0) + (counts.critical ?? 0);
const sentence = made
  ? `the registry knows of ${bad} weaknesses that are high or critical in the packages of production.`
  : `the audit could not be made, nothing is known: the registry did not answer (${reason}).`;
process.stdout.write(`${process.argv.includes('--json') ? JSON.stringify({ made, sentence, counts }) : sentence}\n`);
process.exitCode = made ? (bad === 0 ? 0 : 1) : NOT_MADE;
