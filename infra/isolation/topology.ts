import { firewallRuleset, type Addresses } from '../firewall/ruleset.js';

/** The networks that the firewall joins; each is a network namespace of its own. */
export const NETWORKS = ['internet', 'dmz', 'inside'] as const;
export type Network = (typeof NETWORKS)[number];

/** Private addresses that exist in these namespaces only. */
function host(network: Network, number: number): Addresses {
  const net = String(NETWORKS.indexOf(network) + 1);
  return { v4: `10.77.${net}.${String(number)}`, v6: `fd77:0:0:${net}::${String(number)}` };
}

/** The firewall's own address in a network: the only way out of it. */
export function gatewayOf(network: Network): Addresses {
  return host(network, 1);
}

/**
 * The hosts. Two hosts of one network are two addresses of one namespace: what the firewall does, it does by address,
 * and nothing between them passes it.
 */
export const HOSTS = {
  'somebody in the internet': { network: 'internet', ...host('internet', 10) },
  'the DMZ host': { network: 'dmz', ...host('dmz', 10) },
  'another host in the DMZ': { network: 'dmz', ...host('dmz', 20) },
  'the agent host': { network: 'inside', ...host('inside', 10) },
  'the OpenEMR server': { network: 'inside', ...host('inside', 20) },
} as const satisfies Record<string, Addresses & { network: Network }>;
export type HostName = keyof typeof HOSTS;

/** As patients type it. It needs no name service: the browser of the proof is told the address. */
export const PUBLIC_NAME = 'portal.clinic.example';

/** The firewall's ruleset for these addresses; its interfaces are named after the networks. */
export function ruleset(): string {
  return firewallRuleset({
    internetInterface: 'internet',
    addresses: {
      'web-proxy': HOSTS['the DMZ host'],
      'sync-gateway': HOSTS['the DMZ host'],
      'sync-agent': HOSTS['the agent host'],
    },
  });
}
