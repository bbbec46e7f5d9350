import { NODE_FLAGS } from '../services/node-flags.js';
import type { Zone } from '../zones/zones.js';
import { BACKUP_WRITERS, CONFIGURATION, PROGRAMS, SECRETS } from './placement.js';
import { OF_THE_INSTALLATION, programEnvironment, type ProgramName } from './program-environments.js';

/** The agent's command line on a host without containers. */
export function agentCommandsScript(): string {
  return script(
    'agent-commands',
    { zone: 'inside', entry: 'sync-agent/dist/cli.main.js' },
    'agent-commands doctor, agent-commands invite --pid 7, agent-commands status, …',
  );
}

/** Backup and restore of the DMZ's accounts on a host without containers. */
export function accountsBackupScript(): string {
  return script(
    'migrate',
    { zone: 'dmz', entry: 'portal-api/dist/database/backup.main.js' },
    'accounts-backup --to FILE, or with portal-api and sync-gateway stopped accounts-backup --restore FILE',
  );
}

/** A program as its own user, with its environment and nothing of the caller's. */
function script(program: ProgramName, { zone, entry }: { zone: Zone; entry: string }, usage: string): string {
  const ofInstallation: readonly string[] = OF_THE_INSTALLATION[zone];
  const own = Object.entries(programEnvironment(program, 'systemd')).filter(([name]) => !ofInstallation.includes(name));
  const id = String(BACKUP_WRITERS[zone].uid);
  const host = zone === 'inside' ? 'inside' : 'DMZ';
  return `#!/bin/sh
# Written by \`npm run describe\` from infra/production/; do not edit.
# Run as root on the ${host} host: ${usage}
set -eu
set -a
. ${CONFIGURATION}/${zone}.env
${own.map(([name, value]) => `${name}='${value.replace(/^%d/, SECRETS)}'`).join('\n')}
set +a
exec setpriv --reuid=${id} --regid=${id} --clear-groups --no-new-privs --bounding-set=-all -- \\
  prlimit --core=0 ${PROGRAMS}/bin/node ${NODE_FLAGS.join(' ')} ${PROGRAMS}/${entry} "$@"
`;
}
