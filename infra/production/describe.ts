import { listenerOf, ZONES } from '../zones/zones.js';
import { addressIn } from './container-networks.js';
import { composeFile } from './compose-file.js';
import { dockerfile } from './dockerfile.js';
import { accountsBackupScript, agentCommandsScript } from './host-commands.js';
import { hostFirewall } from './host-firewall.js';
import { installationExample } from './installation-example.js';
import { mariadbConfiguration, redisConfiguration } from './server-settings.js';
import { systemdUnits } from './systemd-units.js';

/** Every file that describes production, by its path in the repository, as the sources have it now. */
export function describedFiles(): Record<string, string> {
  return {
    'docker-compose.dmz.yml': composeFile('dmz'),
    'infra/compose.inside.yml': composeFile('inside'),
    'infra/production/Dockerfile': dockerfile(),
    'infra/production/dmz/mariadb.cnf': mariadbConfiguration(),
    'infra/production/dmz/portal-api-address.conf': upstream('127.0.0.1'),
    'infra/production/dmz/portal-api-in-containers.conf': upstream(addressIn('front', 'portal-api')),
    'infra/production/inside/agent-commands': agentCommandsScript(),
    'infra/production/dmz/accounts-backup': accountsBackupScript(),
    ...Object.fromEntries(
      ZONES.flatMap((zone): [string, string][] => [
        [`infra/production/${zone}/redis.conf`, redisConfiguration(zone)],
        [`infra/production/${zone}/host.nft`, hostFirewall(zone)],
        [`infra/production/${zone}/${zone}.env.example`, installationExample(zone)],
        ...Object.entries(systemdUnits(zone)).map(([name, text]): [string, string] => [
          `infra/production/${zone}/${name}`,
          text,
        ]),
      ]),
    ),
  };
}

/** The one line beside the web proxy's configuration that differs from place to place. */
function upstream(host: string): string {
  return `server ${host}:${String(listenerOf('portal-api').port)};\n`;
}
