import { MATRIX, TRIED } from './expected-matrix.js';
import type { Probe } from './prober-messages.js';
import { gatewayOf, HOSTS, NETWORKS, type HostName, type Network } from './topology.js';
import type { Addresses } from '../firewall/ruleset.js';

/** One attempt, and what the matrix says of it. */
export interface PlannedProbe {
  /** the network whose prober makes it */
  network: Network;
  /** the row of the report it belongs to */
  pair: string;
  /** the attempt in words */
  text: string;
  probe: Probe;
  expected: 'open' | 'silent';
}

export const HOST_NAMES = Object.keys(HOSTS) as HostName[];
export const TCP_PORTS = Object.keys(TRIED.tcp).map(Number);
/** with the one at which the probers answer as name servers */
export const UDP_PORTS = [53, ...Object.keys(TRIED.udp).map(Number)];

export const FAMILIES = [
  { name: 'IPv4', of: ({ v4 }: Addresses) => v4 },
  { name: 'IPv6', of: ({ v6 }: Addresses) => v6 },
] as const;

/** The whole matrix: every pair, everything that is tried, both families. */
export function crossProbes(): PlannedProbe[] {
  return HOST_NAMES.flatMap((from) =>
    Object.entries(MATRIX[from]).flatMap(([to, openings]) =>
      targets(to).flatMap(({ name, addresses }) => attempts(from, name, addresses, openings)),
    ),
  );
}

/** The same attempts by every host on itself: all of them must be answered, or a closed door would prove nothing. */
export function ownProbes(): PlannedProbe[] {
  return HOST_NAMES.flatMap((host) => attempts(host, host, HOSTS[host], 'everything'));
}

/** The firewall has an address in every network; each must be as closed as the others. */
function targets(to: string): { name: string; addresses: Addresses }[] {
  return to === 'the firewall'
    ? NETWORKS.map((network) => ({ name: `the firewall (${network} side)`, addresses: gatewayOf(network) }))
    : HOST_NAMES.filter((name) => name === to).map((name) => ({ name, addresses: HOSTS[name] }));
}

function attempts(
  from: HostName,
  to: string,
  addresses: Addresses,
  openings: readonly string[] | 'everything',
): PlannedProbe[] {
  const tried: { what: string; protocol: Probe['protocol']; port: number }[] = [
    ...TCP_PORTS.map((port) => ({ what: `tcp ${String(port)}`, protocol: 'tcp' as const, port })),
    ...UDP_PORTS.filter((port) => port !== 53).map((port) => ({
      what: `udp ${String(port)}`,
      protocol: 'udp' as const,
      port,
    })),
    { what: 'ping', protocol: 'ping', port: 0 },
    { what: 'name look-up', protocol: 'dns', port: 53 },
  ];
  return FAMILIES.flatMap(({ name, of }) =>
    tried.map(({ what, protocol, port }) => ({
      network: HOSTS[from].network,
      pair: `${from} → ${to}`,
      text: `${from} → ${to}, ${what}, ${name}`,
      probe: { protocol, from: of(HOSTS[from]), to: of(addresses), port },
      expected: openings === 'everything' || openings.includes(what) ? ('open' as const) : ('silent' as const),
    })),
  );
}
