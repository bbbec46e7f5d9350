import { NODE_FLAGS } from '../services/node-flags.js';
import { CONFIGURATION, PROGRAMS, SECRETS, SHARES } from './placement.js';
import { OF_THE_INSTALLATION, programEnvironment } from './program-environments.js';

/** The agent's command line on a host without containers: its user, its environment, nothing of the caller's. */
export function agentCommandsScript(): string {
  const ofInstallation: readonly string[] = OF_THE_INSTALLATION.inside;
  const own = Object.entries(programEnvironment('agent-commands', 'systemd')).filter(
    ([name]) => !ofInstallation.includes(name),
  );
  const id = String(SHARES['sync-agent'].uid);
  return `#!/bin/sh
# Written by \`npm run describe\` from infra/production/; do not edit.
# Run as root on the inside host: agent-commands keys init, agent-commands doctor, agent-commands invite --pid 7, …
set -eu
set -a
. ${CONFIGURATION}/inside.env
${own.map(([name, value]) => `${name}='${value.replace(/^%d/, SECRETS)}'`).join('\n')}
set +a
exec setpriv --reuid=${id} --regid=${id} --clear-groups --no-new-privs --bounding-set=-all -- \\
  prlimit --core=0 ${PROGRAMS}/bin/node ${NODE_FLAGS.join(' ')} ${PROGRAMS}/sync-agent/dist/cli.main.js "$@"
`;
}
