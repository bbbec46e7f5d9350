import { join } from 'node:path';
import { AGENT_VARIABLES } from '../config.js';
import type { SetupAnswers } from './setup-answers.js';

interface Line {
  value?: string;
  comment: string;
}

/** The agent's environment with every variable it reads; what is not set stands as a comment. */
export function agentEnvironmentExample(answers: SetupAnswers, siteId: string, folder: string): string {
  const at = (name: string): string => join(folder, name);
  const known: Readonly<Record<string, Line>> = {
    SITE_ID: { value: siteId, comment: 'the same on both hosts; never changed' },
    LOG_LEVEL: { value: 'info', comment: 'fatal, error, warn, info, debug or trace' },
    KEY_DIR: { value: at('keys'), comment: "the agent's keys; only its user may enter" },
    GATEWAY_URL: { value: answers.gatewayUrl, comment: 'the inside-facing address of the DMZ host' },
    GATEWAY_CA_FILE: { value: at('crossing-ca.crt'), comment: "signs the gateway's certificate, and nothing else" },
    GATEWAY_NAME: { value: GATEWAY_NAME, comment: 'name on its certificate, whatever its address' },
    AGENT_CERT_FILE: { value: at('agent.crt'), comment: 'shown to the gateway' },
    AGENT_KEY_FILE: { value: at('agent.key'), comment: 'its key' },
    OPENEMR_DB_HOST: { value: answers.databaseHost, comment: 'a name or address on the certificate of the server' },
    OPENEMR_DB_PORT: { value: String(answers.databasePort), comment: "port of OpenEMR's MariaDB" },
    OPENEMR_DB_NAME: { value: answers.openemrDatabase, comment: "OpenEMR's database" },
    OPENEMR_DB_CA_FILE: { value: at('openemr-mariadb-ca.crt'), comment: "CA of the server's certificate" },
    LEDGER_DB_NAME: { value: answers.ledgerDatabase, comment: 'on the same server' },
    READER_USER: { value: 'agent_reader', comment: 'reads the tables that sections are made of' },
    READER_PASSWORD_FILE: { value: at('agent_reader.password'), comment: 'its password' },
    WRITER_USER: { value: 'agent_writer', comment: 'writes portal mail and the ledger' },
    WRITER_PASSWORD_FILE: { value: at('agent_writer.password'), comment: 'its password' },
    FEED: { value: answers.feed, comment: 'how changes are noticed: binlog or polling' },
    ...(answers.feed === 'binlog'
      ? {
          FEED_USER: { value: 'agent_feed', comment: 'follows the binlog' },
          FEED_PASSWORD_FILE: { value: at('agent_feed.password'), comment: 'its password' },
        }
      : { FEED_USER: { comment: 'not for polling' }, FEED_PASSWORD_FILE: { comment: 'not for polling' } }),
    POLLING_SECONDS: { comment: 'when polling: from the start of a full pass to that of the next; 900 at most' },
    LEDGER_OWNER_USER: { value: 'ledger_owner', comment: 'for `ledger migrate` only; keep it from the running agent' },
    LEDGER_OWNER_PASSWORD_FILE: { value: at('ledger_owner.password'), comment: 'its password' },
    OPENEMR_URL: { value: new URL(answers.openemrUrl).origin, comment: "OpenEMR's Site Address; for documents" },
    OPENEMR_CA_FILE: { value: at('openemr-ca.crt'), comment: "CA of OpenEMR's web certificate" },
    OPENEMR_CLIENT_ID_FILE: { value: at('keys/openemr-client.id'), comment: 'written by `register`' },
    OPENEMR_SITE: { value: 'default', comment: "folder below OpenEMR's sites/" },
    OPENEMR_CCD: { comment: "on: patients may ask for OpenEMR's own C-CDA; then register for one scope more" },
    REDIS_HOST: { value: '127.0.0.1', comment: "the inside's Redis, on this host" },
    REDIS_PORT: { value: '6379', comment: 'its TLS port' },
    REDIS_USER: { value: 'sync_agent', comment: 'its ACL user' },
    REDIS_PASSWORD_FILE: { value: at('sync_agent.password'), comment: 'made where Redis is set up' },
    REDIS_CA_FILE: { value: at('inside-ca.crt'), comment: "CA of Redis's certificate; made where Redis is set up" },
    QUEUE_PREFIX: { comment: "prefix of the agent's keys in Redis" },
    PORTAL_ORIGIN: { value: new URL(answers.portalOrigin).origin, comment: 'what patients type' },
    POOLS: {
      value: JSON.stringify({ default: answers.pool }),
      comment: 'topic to OpenEMR user; default takes the rest',
    },
    MESSAGES_PER_DAY: { comment: 'messages of one account that are taken in a day' },
    RECONCILE_SECONDS: { comment: 'between two comparisons of all charts with the DMZ; 900 at most' },
    RECONCILE_HOUR: { comment: "hour of the clinic's day from which on all charts are read again" },
  };
  const names = [...new Set([...Object.keys(known), ...AGENT_VARIABLES])];
  return text(
    "The sync agent's environment. Nothing here is secret: secrets are files.",
    names.map((name) => [name, known[name] ?? { comment: 'optional' }]),
  );
}

export const GATEWAY_NAME = 'sync-gateway.dmz';
export const AGENT_NAME = 'sync-agent';

/** What the DMZ's programs are told that only the inside knows; the rest is the DMZ's own. */
export function dmzEnvironmentExample(answers: SetupAnswers, siteId: string): string {
  return text('For the DMZ host, beside its own settings. Nothing here is secret: secrets are files.', [
    ['SITE_ID', { value: siteId, comment: 'the same on both hosts; never changed' }],
    ['PUBLIC_ORIGIN', { value: new URL(answers.portalOrigin).origin, comment: 'what patients type' }],
    ['PRACTICE_NAME', { comment: 'as patients read it' }],
    ['PRACTICE_TIME_ZONE', { comment: 'as OpenEMR has it, e.g. America/New_York' }],
    ['TLS_CERT_FILE', { value: 'gateway.crt', comment: 'sync-gateway: carried here' }],
    ['TLS_KEY_FILE', { value: 'gateway.key', comment: 'sync-gateway: carried here' }],
    ['AGENT_CA_FILE', { value: 'crossing-ca.crt', comment: "sync-gateway: signs the agent's certificate" }],
    ['AGENT_COMMON_NAME', { value: AGENT_NAME, comment: 'sync-gateway: the one name it lets in' }],
    [
      'ROOT_PUBLIC_KEY_FILE',
      { value: 'root.pub', comment: 'sync-gateway and portal-api: pins the keys of the inside' },
    ],
  ]);
}

function text(head: string, lines: [string, Line][]): string {
  return [
    `# ${head}`,
    ...lines.map(([name, { value, comment }]) =>
      value === undefined ? `# ${comment}\n#${name}=` : `# ${comment}\n${name}=${quoted(value)}`,
    ),
    '',
  ].join('\n');
}

/** Safe for a shell and for systemd's EnvironmentFile alike. */
function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value}'`;
}
