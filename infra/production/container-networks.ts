import type { ProcessName } from '../zones/zones.js';

/** Who shares a network with whom in containers: exactly those that open connections to each other. */
interface Network {
  /** name of the bridge on the host, which the host's firewall goes by; at most 15 characters */
  readonly bridge: string;
  /** first three numbers of its addresses */
  readonly prefix: string;
  readonly members: readonly Member[];
  /** a member is reached from outside the host, or opens connections beyond it; otherwise nothing enters or leaves */
  readonly beyondTheHost?: 'is reached' | 'opens';
}

/** A process, or a program that runs once. */
export type Member = ProcessName | 'migrate' | 'agent-commands';

export const NETWORKS = {
  public: { bridge: 'odp-public', prefix: '10.89.1', members: ['web-proxy'], beyondTheHost: 'is reached' },
  front: { bridge: 'odp-front', prefix: '10.89.2', members: ['web-proxy', 'portal-api'] },
  'portal-data': {
    bridge: 'odp-portal-data',
    prefix: '10.89.3',
    members: ['portal-api', 'dmz-mariadb', 'dmz-redis', 'migrate'],
  },
  'gateway-data': {
    bridge: 'odp-gate-data',
    prefix: '10.89.4',
    members: ['sync-gateway', 'dmz-mariadb', 'dmz-redis'],
  },
  crossing: { bridge: 'odp-crossing', prefix: '10.89.5', members: ['sync-gateway'], beyondTheHost: 'is reached' },
  agent: { bridge: 'odp-agent', prefix: '10.89.6', members: ['sync-agent', 'agent-commands'], beyondTheHost: 'opens' },
  'agent-data': {
    bridge: 'odp-agent-data',
    prefix: '10.89.7',
    members: ['sync-agent', 'inside-redis', 'agent-commands'],
  },
} as const satisfies Record<string, Network>;

export type NetworkName = keyof typeof NETWORKS;

export function networksOf(member: Member): NetworkName[] {
  return (Object.keys(NETWORKS) as NetworkName[]).filter((name) => membersOf(name).includes(member));
}

export function membersOf(network: NetworkName): readonly Member[] {
  return NETWORKS[network].members;
}

/** A member keeps its address, because database accounts and the trust in the proxy go by it. */
export function addressIn(network: NetworkName, member: Member): string {
  const place = membersOf(network).indexOf(member);
  if (place === -1) {
    throw new Error(`${member} is not in the network ${network}`);
  }
  return `${NETWORKS[network].prefix}.${String(place + 2)}`;
}

export function subnetOf(network: NetworkName): string {
  return `${NETWORKS[network].prefix}.0/28`;
}

/** From where the DMZ's MariaDB sees an account come. */
export const ACCOUNT_ADDRESSES: Readonly<Record<string, string>> = {
  portal_api: addressIn('portal-data', 'portal-api'),
  sync_gateway: addressIn('gateway-data', 'sync-gateway'),
  migrate: addressIn('portal-data', 'migrate'),
};
