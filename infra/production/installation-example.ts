import type { Zone } from '../zones/zones.js';
import { CONFIGURATION } from './placement.js';
import { OF_THE_INSTALLATION } from './program-environments.js';

type Name = (typeof OF_THE_INSTALLATION)[Zone][number] | 'INSIDE_FACING_ADDRESS';

const EXAMPLES: Record<Name, readonly [comment: string, value: string]> = {
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
  PORTAL_ORIGIN: ['what patients type', 'https://portal.example.org'],
  POOLS: ['topic to OpenEMR user; default takes the rest', `'{"default":"frontdesk"}'`],
};

/** What a person fills in, in a form that compose, systemd and a shell read alike. */
export function installationExample(zone: Zone): string {
  const names: Name[] = [...OF_THE_INSTALLATION[zone], ...(zone === 'dmz' ? ['INSIDE_FACING_ADDRESS' as const] : [])];
  const lines = names.map((name) => {
    const [comment, value] = EXAMPLES[name];
    return `${comment === '' ? '' : `# ${comment}\n`}${name}=${value}`;
  });
  return `# Copy to ${CONFIGURATION}/${zone}.env and fill in. Nothing here is secret.\n${lines.join('\n')}\n`;
}
