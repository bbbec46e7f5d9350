import { FORGED } from './expected-matrix.js';
import { FAMILIES } from './probe-plan.js';
import { HOSTS, type Network } from './topology.js';

/** Source ports that only forged packets have. */
export const FORGED_PORTS = { first: 61_001, last: 61_099 };

/** One packet for each entry of the matrix and each family, known by its source port. */
export const FORGED_PACKETS = FORGED.flatMap((each) => FAMILIES.map((family) => ({ ...each, family }))).map(
  (each, i) => ({ ...each, fromPort: FORGED_PORTS.first + i }),
);

/** Rules of the sender's own network: as such a packet leaves, its source becomes somebody else's address. */
export function forgingRules(network: Network): string[] {
  return FORGED_PACKETS.filter(({ from }) => from === network).map(({ as, family, fromPort }) => {
    const keyword = family.name === 'IPv4' ? 'ip' : 'ip6';
    return `oifname "wire" tcp sport ${String(fromPort)} ${keyword} saddr set ${family.of(HOSTS[as])}`;
  });
}
