import { ANSWERS, NEIGHBOUR_DISCOVERY, REFUSED, rulesetFile } from '../firewall/ruleset.js';
import { crossings, listenerOf, PROCESSES, type ProcessName, type Zone } from '../zones/zones.js';
import { NETWORKS, networksOf, type NetworkName } from './container-networks.js';
import { residents } from './placement.js';

/** Interfaces and addresses that only the installation knows: names in the file, said at its top. */
const DEFINITIONS: Record<Zone, readonly string[]> = {
  dmz: [
    'define internet_interface = "eth0" # towards the internet',
    'define inside_interface = "eth1" # towards the inside, and to nobody else',
    'define management_interface = "eth2" # where administrators come from; "none" for the console only',
    'define sync_agent = 192.0.2.10 # the host of the sync agent',
  ],
  inside: [
    'define management_interface = "eth1" # where administrators come from; "none" for the console only',
    'define sync_gateway = 198.51.100.10 # the inside-facing address of the DMZ host',
    'define openemr_mariadb = 192.0.2.20 # the server with OpenEMR’s database',
    'define openemr = 192.0.2.21 # the server with OpenEMR itself',
    'define name_servers = { 192.0.2.2 }',
    'define time_servers = { 192.0.2.3 }',
  ],
};

const HEADS: Record<Zone, readonly string[]> = {
  dmz: [
    'The rules of the DMZ host itself, beside those of the firewall: nothing comes in but the two crossings, nothing',
    'goes out at all, not even a question for a name or the time. The clock comes from the hypervisor.',
  ],
  inside: [
    'The rules of the sync agent’s host: nothing comes in, and out goes what the agent needs.',
    'Mail and payment come with their features.',
  ],
};

const SELF = 'iifname "lo" accept comment "the host itself"';
const SSH = 'iifname $management_interface tcp dport 22 accept comment "administrators"';

/** nftables rules of one host, for both ways of running. Bridges that do not exist match nothing. */
export function hostFirewall(zone: Zone): string {
  const chains = zone === 'dmz' ? dmzChains() : insideChains();
  const comments = [...HEADS[zone], 'Written by `npm run describe`; set the values below in the copy that is loaded.'];
  const [flush = '', ...rest] = rulesetFile('host', chains).split('\n');
  // Docker keeps tables of its own: only ours is replaced.
  const own = flush.replace('flush ruleset', 'table inet host\ndelete table inet host');
  return [...comments.map((line) => `# ${line}`), ...DEFINITIONS[zone], '', own, ...rest].join('\n');
}

function dmzChains(): Parameters<typeof rulesetFile>[1] {
  const arrivals = crossings().filter(({ to }) => PROCESSES[to].zone === 'dmz');
  const source = (from: string): string =>
    from === 'internet' ? 'iifname $internet_interface' : 'iifname $inside_interface ip saddr $sync_agent';
  return {
    input: [
      SELF,
      ANSWERS,
      NEIGHBOUR_DISCOVERY,
      ...arrivals.map(
        ({ from, to, port }) => `${source(from)} tcp dport ${String(port)} accept comment "${from} to ${to}"`,
      ),
      SSH,
      REFUSED,
    ],
    forward: [
      ANSWERS,
      ...arrivals.map(
        ({ from, to, port }) =>
          `${source(from)} oifname "${bridgeBeyond(to)}" ct status dnat tcp dport ${String(port)} accept ` +
          `comment "${from} to ${to}, in a container"`,
      ),
      ...amongContainers('dmz'),
      REFUSED,
    ],
    output: [
      'oifname "lo" accept comment "the host itself"',
      ANSWERS,
      NEIGHBOUR_DISCOVERY,
      'oifname "odp-*" accept comment "the host reads the metrics of its containers"',
      REFUSED,
    ],
  };
}

function insideChains(): Parameters<typeof rulesetFile>[1] {
  const wanted = PROCESSES['sync-agent'].opens
    .filter((to) => to !== 'inside-redis')
    .map((to) => {
      const { port } = listenerOf(to);
      return `ip daddr $${to.replaceAll('-', '_')} tcp dport ${String(port)} accept comment "sync-agent to ${to}"`;
    });
  const names = [
    'ip daddr $name_servers meta l4proto { tcp, udp } th dport 53 accept comment "names"',
    'ip daddr $time_servers udp dport 123 accept comment "time"',
  ];
  return {
    input: [SELF, ANSWERS, NEIGHBOUR_DISCOVERY, SSH, REFUSED],
    forward: [
      ANSWERS,
      ...wanted.map((rule) => `iifname "${NETWORKS.agent.bridge}" ${rule}`),
      ...amongContainers('inside'),
      REFUSED,
    ],
    output: [
      'oifname "lo" accept comment "the host itself"',
      ANSWERS,
      NEIGHBOUR_DISCOVERY,
      'oifname "odp-*" accept comment "the host reads the metrics of its containers"',
      ...wanted,
      ...names,
      REFUSED,
    ],
  };
}

/** Docker has the kernel show the firewall what two containers say to each other on one bridge. */
function amongContainers(zone: Zone): string[] {
  const shared = new Set(residents(zone).flatMap((name) => networksOf(name).filter(isInternal)));
  return [...shared].map((name) => {
    const { bridge } = NETWORKS[name];
    return `iifname "${bridge}" oifname "${bridge}" accept comment "containers of the network ${name}"`;
  });
}

function isInternal(name: NetworkName): boolean {
  return !('beyondTheHost' in NETWORKS[name]);
}

function bridgeBeyond(process: ProcessName): string {
  const network = networksOf(process).find((name) => !isInternal(name));
  if (network === undefined) {
    throw new Error(`${process} is in no network that is reached from outside its host`);
  }
  return NETWORKS[network].bridge;
}
