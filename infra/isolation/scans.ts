import type { Boundary } from './boundary.js';
import { SCANS } from './expected-matrix.js';
import { FAMILIES } from './probe-plan.js';
import type { Row } from './report.js';
import { gatewayOf, HOSTS, NETWORKS, type Network } from './topology.js';

const PORTS = 65_535;
const PATIENCE = 300;

/** Scans every TCP port as the matrix lists them; first every scanned host scans itself, and must hear from every port. */
export async function scanAllPorts(boundary: Boundary): Promise<{ own: Row[]; cross: Row[] }> {
  const hosts = new Set(SCANS.flatMap(({ to }) => (to === 'the firewall' ? [] : [to])));
  const own = [...hosts].map((host) => ({ from: host, to: host, network: HOSTS[host].network, open: 'any' as const }));
  const cross = SCANS.map((each) => ({ ...each, network: HOSTS[each.from].network }));
  return { own: await scan(boundary, own), cross: await scan(boundary, cross) };
}

type PlannedScan = Omit<(typeof SCANS)[number], 'open'> & { network: Network; open: readonly number[] | 'any' };

/** The networks at the same time, in each network one scan after the other. */
async function scan(boundary: Boundary, scans: readonly PlannedScan[]): Promise<Row[]> {
  const rows = await Promise.all(
    NETWORKS.map(async (network) => {
      const done: Row[] = [];
      for (const each of scans.filter((one) => one.network === network)) {
        for (const family of FAMILIES) {
          done.push(await scanOne(boundary, each, family));
        }
      }
      return done;
    }),
  );
  return rows.flat();
}

async function scanOne(
  { probers }: Boundary,
  { from, to, network, open }: PlannedScan,
  family: (typeof FAMILIES)[number],
): Promise<Row> {
  const target = to === 'the firewall' ? gatewayOf(network) : HOSTS[to];
  const result = await probers[network].scan(family.of(HOSTS[from]), family.of(target), PATIENCE);
  const answers = result.answered > result.firstAnswers.length ? '' : `: ${result.firstAnswers.join(', ')}`;
  return {
    what: `${from} → ${to}, ${family.name}`,
    expected: open === 'any' ? 'every port answers' : `open ${open.join(', ') || 'none'}, all others silent`,
    found: `open ${result.open.slice(0, 30).join(', ') || 'none'}; answered ${String(result.answered)}${answers}; silent ${String(result.silent)}`,
    holds:
      open === 'any'
        ? result.answered === PORTS
        : result.open.join() === open.join() &&
          result.answered === open.length &&
          result.silent === PORTS - open.length,
  };
}
