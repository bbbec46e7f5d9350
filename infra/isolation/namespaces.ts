import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { bareEnvironment, run } from '../services/child-process.js';
import { gatewayOf, HOSTS, NETWORKS, type Network } from './topology.js';

const NETNS_FOLDER = '/run/netns';
const NAME = /^odp-(\d+)-[0-9a-f]+-/;

/**
 * The machine, or the user, may not make network namespaces or firewall rules.
 * Cause: not root, or a container without the right to do so. Nothing was proven; start it where both are allowed.
 */
export class NoPrivilege extends Error {
  constructor(reason: string) {
    super(
      `The isolation proof makes network namespaces and firewall rules of its own and may not do so here (${reason}): run it as root on a Linux that allows both.`,
    );
  }
}

/** Namespaces of one run, named after the process so that others know whether it still lives. */
export interface Namespaces {
  name: (of: Network | 'firewall' | 'reference') => string;
}

/** Four namespaces of this run: three networks, each with one wire to the firewall's, and nothing else anywhere. */
export async function createNamespaces(): Promise<Namespaces> {
  if (process.getuid?.() !== 0) {
    throw new NoPrivilege('not root');
  }
  await removeLeftovers();
  const label = `odp-${String(process.pid)}-${randomBytes(3).toString('hex')}`;
  const namespaces: Namespaces = { name: (of) => `${label}-${of}` };
  const firewall = namespaces.name('firewall');
  try {
    await ip(undefined, [
      `netns add ${firewall}`,
      ...NETWORKS.map((network) => `netns add ${namespaces.name(network)}`),
    ]);
    await settings(firewall, FIREWALL_SETTINGS);
    for (const network of NETWORKS) {
      const name = namespaces.name(network);
      await settings(name, ZONE_SETTINGS);
      await ip(undefined, [`link add wire netns ${name} type veth peer name ${network} netns ${firewall}`]);
    }
  } catch (error: unknown) {
    await removeNamespaces(namespaces);
    throw new NoPrivilege(error instanceof Error ? error.message : 'no reason given');
  }
  await ip(firewall, ['link set lo up', ...NETWORKS.flatMap((network) => interfaceUp(network, network, [1]))]);
  for (const network of NETWORKS) {
    const { v4, v6 } = gatewayOf(network);
    const numbers = Object.values(HOSTS).flatMap((host) => (host.network === network ? [hostNumber(host.v4)] : []));
    await ip(namespaces.name(network), [
      'link set lo up',
      ...interfaceUp('wire', network, numbers),
      `route add default via ${v4}`,
      `-6 route add default via ${v6}`,
    ]);
  }
  return namespaces;
}

export async function removeNamespaces(namespaces: Namespaces): Promise<void> {
  for (const of of [...NETWORKS, 'firewall', 'reference'] as const) {
    await removeNamespace(namespaces.name(of));
  }
}

/** The command that starts a program in a namespace; the program keeps its process id. */
export function enter(namespace: string): readonly string[] {
  return ['/usr/bin/nsenter', `--net=${NETNS_FOLDER}/${namespace}`, '--'];
}

/** Runs a program in a namespace to its end. */
export function runIn(namespace: string, program: string, args: string[], input?: string): Promise<string> {
  return run(program, args, {
    env: bareEnvironment('/'),
    prefix: enter(namespace),
    ...(input === undefined ? {} : { input }),
  });
}

/** The kernel's own guesses are off where they would do the ruleset's work, or make anybody wait. */
const COMMON_SETTINGS = {
  'net/ipv4/conf/all/rp_filter': 0,
  'net/ipv4/conf/default/rp_filter': 0,
  'net/ipv6/conf/all/disable_ipv6': 0,
  'net/ipv6/conf/default/disable_ipv6': 0,
  'net/ipv6/conf/default/accept_dad': 0,
  'net/ipv6/conf/default/accept_ra': 0,
};
const FIREWALL_SETTINGS = { ...COMMON_SETTINGS, 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 };
const ZONE_SETTINGS = {
  ...COMMON_SETTINGS,
  // nginx takes 443 without any privilege, as it does in a container.
  'net/ipv4/ip_unprivileged_port_start': 0,
};

async function settings(namespace: string, values: Record<string, number>): Promise<void> {
  const lines = Object.entries(values).map(([name, value]) => `echo ${String(value)} > /proc/sys/${name}`);
  await runIn(namespace, '/bin/sh', ['-ec', lines.join('\n')]);
}

function interfaceUp(device: string, network: Network, numbers: number[]): string[] {
  const { v4, v6 } = gatewayOf(network);
  return [
    `link set ${device} up`,
    ...numbers.flatMap((number) => [
      `addr add ${v4.replace(/\d+$/, String(number))}/24 dev ${device}`,
      `addr add ${v6.replace(/\d+$/, String(number))}/64 dev ${device} nodad`,
    ]),
  ];
}

function hostNumber(v4: string): number {
  return Number(v4.split('.').at(-1));
}

/** Commands of iproute2, each a line; the first that fails ends them. */
async function ip(namespace: string | undefined, commands: string[]): Promise<void> {
  const there = namespace === undefined ? [] : ['-n', namespace];
  for (const command of commands) {
    await run('ip', [...there, ...command.split(' ')], { env: bareEnvironment('/') });
  }
}

async function removeNamespace(name: string): Promise<void> {
  if (existsSync(`${NETNS_FOLDER}/${name}`)) {
    await run('ip', ['netns', 'del', name], { env: bareEnvironment('/') });
  }
}

/** What runs left that ended without a word; processes in them ended with their run. */
async function removeLeftovers(): Promise<void> {
  const names = existsSync(NETNS_FOLDER) ? readdirSync(NETNS_FOLDER) : [];
  for (const name of names) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await removeNamespace(name);
    }
  }
}
