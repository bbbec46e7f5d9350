import type { System } from '../demo/system.js';
import { LISTENERS } from './expected-matrix.js';
import { runIn, type Namespaces } from './namespaces.js';
import type { Row } from './report.js';
import { HOSTS, NETWORKS, type HostName, type Network } from './topology.js';

/** `tcp LISTEN 0 511 127.0.0.1:8080 0.0.0.0:* users:(("node",pid=7,fd=20))` */
const SOCKET = /^(\S+)\s+\S+\s+\d+\s+\d+\s+(\S+):(\d+)\s+\S+\s*(?:users:\(\("([^"]+)",pid=(\d+))?/;

/** Compares what listens in every network, as the kernels tell, with the matrix, both ways. */
export async function checkListeners(system: System, namespaces: Namespaces): Promise<Row[]> {
  const expected = new Map(
    LISTENERS.map((each) => [sentence(each.network, each.process, each.socket, each.at), each.for] as const),
  );
  const names = processNames(system);
  const live = new Set<string>();
  for (const network of [...NETWORKS, 'firewall'] as const) {
    const sockets = await runIn(namespaces.name(network), 'ss', ['-H', '-t', '-u', '-l', '-p', '-n']);
    for (const line of sockets.split('\n').filter((each) => each !== '')) {
      live.add(socketSentence(network, line, names));
    }
  }
  const all = [...new Set([...expected.keys(), ...live])].sort();
  return all.map((what) => ({
    what,
    expected: expected.has(what) ? `listens, for ${expected.get(what) ?? ''}` : 'nothing listens',
    found: live.has(what) ? 'listens' : 'does not listen',
    holds: expected.has(what) && live.has(what),
  }));
}

function socketSentence(network: Network | 'firewall', line: string, names: Map<number, string>): string {
  const [, protocol = '', address = '', port = '', command = 'somebody', pid = ''] = SOCKET.exec(line) ?? [];
  if (protocol === '') {
    return `${network}: ${line}`;
  }
  return sentence(network, names.get(Number(pid)) ?? command, `${protocol} ${port}`, placeOf(address));
}

function sentence(network: string, process: string, socket: string, at: string): string {
  return `${network}: ${process}, ${socket}, ${at === 'everywhere' ? at : `at ${at}`}`;
}

function placeOf(address: string): string {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  if (bare === '*' || bare === '0.0.0.0' || bare === '::') {
    return 'everywhere';
  }
  if (bare.startsWith('127.') || bare === '::1') {
    return 'loopback';
  }
  const names = Object.keys(HOSTS) as HostName[];
  return names.find((name) => HOSTS[name].v4 === bare || HOSTS[name].v6 === bare) ?? bare;
}

function processNames({ programs, simulator, services: { dmz, inside } }: System): Map<number, string> {
  const named = [
    ...[...Object.values(programs), simulator].map(({ pid, name }) => [pid, name] as const),
    ...[dmz, inside].flatMap(({ mariadb, redis }) => [
      [mariadb.pid, 'MariaDB'] as const,
      [redis.pid, 'Redis'] as const,
    ]),
  ];
  return new Map(named.flatMap(([pid, name]) => (pid === undefined ? [] : [[pid, name] as const])));
}
