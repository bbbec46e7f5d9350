import type { HostName, Network } from './topology.js';

/*
 * What the boundary must do, written by hand for people to read and to agree on. It is taken from the design, never
 * from the firewall's rules or from the programs, and nothing is generated from it or into it: where it and the running
 * system disagree, the proof fails, and a person decides which of the two is wrong.
 */

/** Who may open what to whom. A pair that is not in a row may reach nothing of the other; hosts of one network are not separated. */
export const MATRIX: Record<HostName, Partial<Record<HostName | 'the firewall', readonly Opening[]>>> = {
  'somebody in the internet': {
    'the DMZ host': ['tcp 443'],
    'another host in the DMZ': [],
    'the agent host': [],
    'the OpenEMR server': [],
    'the firewall': [],
  },
  'the DMZ host': {
    'somebody in the internet': [],
    'the agent host': [],
    'the OpenEMR server': [],
    'the firewall': [],
  },
  'another host in the DMZ': {
    'somebody in the internet': [],
    'the agent host': [],
    'the OpenEMR server': [],
    'the firewall': [],
  },
  'the agent host': {
    'the DMZ host': ['tcp 8443'],
    'another host in the DMZ': [],
    'somebody in the internet': [],
    'the firewall': [],
  },
  'the OpenEMR server': {
    'the DMZ host': [],
    'another host in the DMZ': [],
    'somebody in the internet': [],
    'the firewall': [],
  },
};

/** What is tried between every pair above, over IPv4 and over IPv6, beside ping and looking up a name. */
export const TRIED: { tcp: Record<number, string>; udp: Record<number, string> } = {
  tcp: {
    22: 'remote shell',
    25: 'mail',
    53: 'name service',
    80: 'HTTP',
    443: 'HTTPS: the web proxy, and OpenEMR',
    444: 'the port beside',
    3306: 'MariaDB',
    6379: 'Redis',
    8080: 'portal-api',
    8443: 'sync-gateway',
    8444: 'the port beside',
    9464: 'metrics of portal-api',
    9465: 'metrics of sync-gateway',
    9466: 'metrics of sync-agent',
  },
  udp: {
    123: 'time',
    443: 'HTTP/3',
    514: 'system log',
    3306: 'the number of MariaDB',
    8080: 'the number of portal-api',
    8443: 'the number of sync-gateway',
  },
};

/**
 * Packets under a sender's address that is not the sender's, which must not arrive. The second would let whoever holds
 * the DMZ and one host in the internet open a connection inwards, dressed as the answer to one that was let through.
 */
export const FORGED: readonly { from: Network; as: HostName; to: HostName; port: number }[] = [
  { from: 'internet', as: 'the agent host', to: 'the DMZ host', port: 8443 },
  { from: 'internet', as: 'the OpenEMR server', to: 'the DMZ host', port: 443 },
];

/** Every TCP port from 1 to 65535, over IPv4 and IPv6. Open are those that stand here, silent all others. */
export const SCANS: readonly { from: HostName; to: HostName | 'the firewall'; open: readonly number[] }[] = [
  { from: 'the DMZ host', to: 'the agent host', open: [] },
  { from: 'the DMZ host', to: 'the OpenEMR server', open: [] },
  { from: 'the DMZ host', to: 'somebody in the internet', open: [] },
  { from: 'the DMZ host', to: 'the firewall', open: [] },
  { from: 'somebody in the internet', to: 'the DMZ host', open: [443] },
  { from: 'somebody in the internet', to: 'the OpenEMR server', open: [] },
  { from: 'somebody in the internet', to: 'the firewall', open: [] },
  { from: 'the agent host', to: 'the DMZ host', open: [8443] },
];

/** Every socket that listens for the network, in every network. `everywhere`: at every address of its host. */
export const LISTENERS: readonly ExpectedListener[] = [
  { network: 'dmz', process: 'nginx', socket: 'tcp 443', at: 'everywhere', for: 'patients, HTTPS' },
  { network: 'dmz', process: 'portal-api', socket: 'tcp 8080', at: 'loopback', for: 'nginx' },
  { network: 'dmz', process: 'sync-gateway', socket: 'tcp 8443', at: 'everywhere', for: 'the sync agent, mutual TLS' },
  { network: 'dmz', process: 'MariaDB', socket: 'tcp 3306', at: 'loopback', for: 'portal-api and sync-gateway' },
  { network: 'dmz', process: 'Redis', socket: 'tcp 6379', at: 'loopback', for: 'portal-api and sync-gateway' },
  { network: 'inside', process: 'MariaDB', socket: 'tcp 3306', at: 'loopback', for: 'the sync agent' },
  { network: 'inside', process: 'MariaDB', socket: 'tcp 3306', at: 'the OpenEMR server', for: 'the inside network' },
  { network: 'inside', process: 'OpenEMR simulator', socket: 'tcp 443', at: 'loopback', for: 'the sync agent' },
  { network: 'inside', process: 'Redis', socket: 'tcp 6379', at: 'loopback', for: 'the sync agent' },
];

/** Who is let in at the gateway, coming from the agent's host with these papers. */
export const PAPERS: readonly { shows: Papers; speaks: 'TLS 1.2' | 'TLS 1.3'; letIn: boolean }[] = [
  { shows: 'no certificate', speaks: 'TLS 1.3', letIn: false },
  { shows: 'a certificate that signs itself', speaks: 'TLS 1.3', letIn: false },
  { shows: "a certificate of the DMZ's own CA", speaks: 'TLS 1.3', letIn: false },
  { shows: 'a certificate for another name', speaks: 'TLS 1.3', letIn: false },
  { shows: 'a certificate that has expired', speaks: 'TLS 1.3', letIn: false },
  { shows: "a certificate that the agent's own signed", speaks: 'TLS 1.3', letIn: false },
  { shows: "the gateway's own certificate", speaks: 'TLS 1.3', letIn: false },
  { shows: "the agent's certificate", speaks: 'TLS 1.2', letIn: false },
  { shows: "the agent's certificate", speaks: 'TLS 1.3', letIn: true },
];

/** Which versions of TLS a browser in the internet may speak at 443, and whether it may begin anew within a connection. */
export const BROWSERS: readonly { does: BrowserTry; works: boolean }[] = [
  { does: 'TLS 1.0', works: false },
  { does: 'TLS 1.1', works: false },
  { does: 'TLS 1.2', works: true },
  { does: 'TLS 1.3', works: true },
  { does: 'renegotiation within TLS 1.2', works: false },
  { does: 'plain HTTP', works: false },
];

export type Opening = `${'tcp' | 'udp'} ${number}`;

export type Papers =
  | 'no certificate'
  | 'a certificate that signs itself'
  | "a certificate of the DMZ's own CA"
  | 'a certificate for another name'
  | 'a certificate that has expired'
  | "a certificate that the agent's own signed"
  | "the gateway's own certificate"
  | "the agent's certificate";

export type BrowserTry = 'TLS 1.0' | 'TLS 1.1' | 'TLS 1.2' | 'TLS 1.3' | 'renegotiation within TLS 1.2' | 'plain HTTP';

export interface ExpectedListener {
  network: Network;
  process: string;
  socket: Opening;
  at: 'everywhere' | 'loopback' | HostName;
  for: string;
}
