import type { Zone } from '../zones/zones.js';
import { CONFIGURATION } from './placement.js';
import { namesOfTheInstallation, type OF_THE_INSTALLATION, type PUBLISHING } from './program-environments.js';

type Name = (typeof OF_THE_INSTALLATION)[Zone][number] | typeof PUBLISHING;

const EXAMPLES: Readonly<Record<string, readonly [comment: string, value: string] | undefined>> = {
  SITE_ID: ['a UUID, for example from uuidgen; the same on both hosts', ''],
  PUBLIC_ORIGIN: ['what patients type', 'https://portal.example.org'],
  PRACTICE_NAME: ['as patients read it', "'Example Family Practice'"],
  PRACTICE_TIME_ZONE: ['as OpenEMR has it', 'America/New_York'],
  INSIDE_FACING_ADDRESS: ['containers only: the address of this host that the sync agent reaches', '198.51.100.10'],
  GATEWAY_URL: ['the inside-facing address of the DMZ host', 'https://198.51.100.10:8443'],
  OPENEMR_DB_HOST: ['a name or address that is on the certificate of the server', 'openemr-db.example.internal'],
  OPENEMR_DB_PORT: ['', '3306'],
  OPENEMR_DB_NAME: ['', 'openemr'],
  LEDGER_DB_NAME: ['', 'portal_ledger'],
  FEED: ['how changes are noticed: binlog or polling', 'binlog'],
  PORTAL_ORIGIN: ['what patients type', 'https://portal.example.org'],
  OPENEMR_URL: ['OpenEMR’s Site Address, letter for letter', 'https://openemr.example.internal'],
  POOLS: ['topic to OpenEMR user; default takes the rest', `'{"default":"frontdesk"}'`],
} satisfies Record<Name, readonly [string, string]>;

/** What a person fills in, in a form that compose, systemd and a shell read alike. */
export function installationExample(zone: Zone): string {
  const lines = namesOfTheInstallation(zone, 'compose').map((name) => {
    const [comment, value] = EXAMPLES[name] ?? ['', ''];
    return `${comment === '' ? '' : `# ${comment}\n`}${name}=${value}`;
  });
  return `# Copy to ${CONFIGURATION}/${zone}.env and fill in. Nothing here is secret.\n${lines.join('\n')}\n`;
}
