/**
 * Who is where, listens on what, and may open a connection to whom: the one source of ports, accounts and flows. The
 * launcher, the demo, compose files, systemd units and firewall rules are made from it. What the isolation test expects
 * is written by hand elsewhere, so that a wrong line here is found and not repeated.
 */
export const ZONES = ['dmz', 'inside'] as const;
export type Zone = (typeof ZONES)[number];

/** Where a connection may come from: the two zones, the world, or the process's own host. */
export type Origin = 'internet' | 'dmz' | 'inside' | 'own-host';

/** A TCP port that a process listens on in production, and from where it is reached. */
export interface Listener {
  readonly purpose: string;
  readonly port: number;
  readonly from: Origin;
}

/** A process of the product and what it needs; nothing it is not granted here reaches it or is reached by it. */
export interface Process {
  readonly zone: Zone;
  readonly listens: readonly Listener[];
  /** its account at the zone's MariaDB, and the user of the same name at the zone's Redis */
  readonly account?: string;
  /** the processes it opens connections to; nothing else */
  readonly opens: readonly string[];
}

export const PROCESSES = {
  'web-proxy': {
    zone: 'dmz',
    listens: [{ purpose: 'patients, https', port: 443, from: 'internet' }],
    opens: ['portal-api'],
  },
  'portal-api': {
    zone: 'dmz',
    listens: [
      { purpose: 'the web proxy, http', port: 8080, from: 'own-host' },
      { purpose: 'metrics', port: 9464, from: 'own-host' },
    ],
    account: 'portal_api',
    opens: ['dmz-mariadb', 'dmz-redis'],
  },
  'sync-gateway': {
    zone: 'dmz',
    listens: [
      { purpose: 'the sync agent, mutual TLS 1.3', port: 8443, from: 'inside' },
      { purpose: 'metrics', port: 9465, from: 'own-host' },
    ],
    account: 'sync_gateway',
    opens: ['dmz-mariadb', 'dmz-redis'],
  },
  'dmz-mariadb': { zone: 'dmz', listens: [{ purpose: 'MariaDB', port: 3306, from: 'own-host' }], opens: [] },
  'dmz-redis': { zone: 'dmz', listens: [{ purpose: 'Redis', port: 6379, from: 'own-host' }], opens: [] },
  'sync-agent': {
    zone: 'inside',
    listens: [{ purpose: 'metrics', port: 9466, from: 'own-host' }],
    account: 'sync_agent',
    opens: ['sync-gateway', 'openemr-mariadb', 'openemr', 'inside-redis'],
  },
  'inside-redis': { zone: 'inside', listens: [{ purpose: 'Redis', port: 6379, from: 'own-host' }], opens: [] },
  'openemr-mariadb': {
    zone: 'inside',
    listens: [{ purpose: "OpenEMR's MariaDB, with the ledger", port: 3306, from: 'inside' }],
    opens: [],
  },
  openemr: { zone: 'inside', listens: [{ purpose: "OpenEMR's API, https", port: 443, from: 'inside' }], opens: [] },
} as const satisfies Record<string, Process>;

export type ProcessName = keyof typeof PROCESSES;

/** The port a process exists for: the first of its listeners. */
export function listenerOf(name: ProcessName): Listener {
  return PROCESSES[name].listens[0];
}

/** Accounts at each zone's MariaDB; what each may do stands in `infra/grants/<zone>.sql`. */
export const DATABASE_ACCOUNTS = {
  dmz: ['migrate', 'portal_api', 'sync_gateway'],
  inside: ['openemr', 'agent_reader', 'agent_writer', 'agent_feed', 'ledger_owner'],
} as const satisfies Record<Zone, readonly string[]>;

/**
 * Users of each zone's Redis; what each may do stands in `infra/grants/<zone>-redis.acl`. `operator` is the launcher's
 * own: it reads, lists refusals, and flushes in drills.
 */
export const REDIS_ACCOUNTS = {
  dmz: ['portal_api', 'sync_gateway', 'operator'],
  inside: ['sync_agent', 'operator'],
} as const satisfies Record<Zone, readonly string[]>;

/** A connection that crosses from one zone into another. */
export interface Crossing {
  readonly from: Origin;
  /** the processes of the zone it comes from that open it; none where strangers do */
  readonly by: readonly ProcessName[];
  readonly to: ProcessName;
  readonly port: number;
}

/** Every crossing there is: what the firewall accepts, and all it accepts. */
export function crossings(): Crossing[] {
  const names = Object.keys(PROCESSES) as ProcessName[];
  return names.flatMap((to) =>
    PROCESSES[to].listens
      .filter(({ from }) => from !== 'own-host' && from !== PROCESSES[to].zone)
      .map(({ from, port }) => ({ from, by: names.filter((name) => opensFrom(from, name, to)), to, port })),
  );
}

function opensFrom(from: Origin, name: ProcessName, to: ProcessName): boolean {
  const { zone, opens }: Process = PROCESSES[name];
  return zone === from && opens.includes(to);
}
