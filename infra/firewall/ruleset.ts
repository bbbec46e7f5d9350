import { crossings, type Crossing, type ProcessName } from '../zones/zones.js';

/** Where a process is reached, in both families. */
export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

/** What a place knows that the zones do not: the interface towards the world, and who has which address. */
export interface FirewallPlan {
  readonly internetInterface: string;
  /** of every process that takes part in a crossing and is not the world */
  readonly addresses: Partial<Record<ProcessName, Addresses>>;
}

const FAMILIES = [
  { name: 'IPv4', keyword: 'ip', address: ({ v4 }: Addresses) => v4 },
  { name: 'IPv6', keyword: 'ip6', address: ({ v6 }: Addresses) => v6 },
] as const;

/** Without it no IPv6 packet finds its next hop. The kernel takes it from the own link only (hop limit 255). */
export const NEIGHBOUR_DISCOVERY =
  'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept comment "IPv6 finds its neighbours"';

export const ANSWERS = 'ct state established accept comment "what belongs to a connection that was let through"';

/** Counted before the limit, so that the number is whole; the log is bounded and names headers only. */
export const REFUSED = 'counter limit rate 10/second log prefix "refused: " comment "the rest is counted and dropped"';

/**
 * The ruleset of the firewall between the three zones, as a file for `nft -f`, which replaces whatever was loaded
 * before, at once. Nothing is let through but the crossings. No rule says anything twice: whichever match of whichever
 * rule is taken out, something opens that was closed.
 */
export function firewallRuleset(plan: FirewallPlan): string {
  return rulesetFile('firewall', {
    forward: [
      'fib saddr . iif oif missing drop comment "a source that does not live where the packet comes from"',
      ANSWERS,
      ...crossings().flatMap((crossing) => acceptRules(crossing, plan)),
      REFUSED,
    ],
    input: [NEIGHBOUR_DISCOVERY, REFUSED],
  });
}

/** One rule per family: from whom, to whom, on which port. Good in a forward chain and in a host's input chain. */
export function acceptRules(crossing: Crossing, plan: FirewallPlan): string[] {
  const { from, by, to, port } = crossing;
  return FAMILIES.flatMap(({ name, keyword, address }) => {
    const source = (process?: ProcessName): string =>
      process === undefined
        ? `iifname "${plan.internetInterface}"`
        : `${keyword} saddr ${address(addressesOf(process, plan))}`;
    const sources = from === 'internet' ? [undefined] : by;
    return sources.map(
      (process) =>
        `${source(process)} ${keyword} daddr ${address(addressesOf(to, plan))} tcp dport ${String(port)} accept ` +
        `comment "${process ?? from} to ${to}, ${name}"`,
    );
  });
}

function addressesOf(process: ProcessName, { addresses }: FirewallPlan): Addresses {
  const found = addresses[process];
  if (found === undefined) {
    throw new Error(`the firewall needs the addresses of ${process}`);
  }
  return found;
}

/** Chains by the hook they are named after, all of which drop what no rule accepts; both families in one table. */
export function rulesetFile(
  table: string,
  chains: Partial<Record<'input' | 'forward' | 'output', readonly string[]>>,
): string {
  const blocks = Object.entries(chains).map(([hook, rules]) =>
    [
      `  chain ${hook} {`,
      `    type filter hook ${hook} priority filter; policy drop;`,
      ...rules.map((rule) => `    ${rule}`),
      '  }',
    ].join('\n'),
  );
  return ['flush ruleset', `table inet ${table} {`, ...blocks, '}', ''].join('\n');
}
