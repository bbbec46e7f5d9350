import { z } from 'zod';
import { FORGED_PORTS, forgingRules } from './forged-packets.js';
import { runIn, type Namespaces } from './namespaces.js';
import { NETWORKS, type Network } from './topology.js';

/**
 * Sees in each network what came over the wire, by a ruleset of its own that drops nothing: beginnings of connections
 * where none may begin, and forged packets. It needs no answer and no patience, which probes need.
 */
export class Witness {
  private constructor(private readonly namespaces: Namespaces) {}

  /** @param welcome TCP ports at which connections from other networks may begin */
  static async install(namespaces: Namespaces, welcome: Record<Network, readonly number[]>): Promise<Witness> {
    for (const network of NETWORKS) {
      await runIn(namespaces.name(network), 'nft', ['-f', '-'], rules(welcome[network], forgingRules(network)));
    }
    return new Witness(namespaces);
  }

  /** How many packets began a connection where none may begin, since the last time this was asked. */
  async strays(network: Network): Promise<number> {
    const answer = await runIn(this.namespaces.name(network), 'nft', [
      '-j',
      'reset',
      'counter',
      'inet',
      'witness',
      'strays',
    ]);
    return Counters.parse(JSON.parse(answer)).nftables.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
  }

  /** Source ports of forged packets that arrived; they are forgotten by asking. */
  async forged(network: Network): Promise<number[]> {
    const name = this.namespaces.name(network);
    const answer = await runIn(name, 'nft', ['-j', 'list', 'set', 'inet', 'witness', 'forged']);
    await runIn(name, 'nft', ['flush', 'set', 'inet', 'witness', 'forged']);
    return Sets.parse(JSON.parse(answer)).nftables.flatMap(({ set }) => set?.elem ?? []);
  }
}

const Counters = z.object({ nftables: z.array(z.object({ counter: z.object({ packets: z.number() }).optional() })) });
const Sets = z.object({
  nftables: z.array(z.object({ set: z.object({ elem: z.array(z.number()).optional() }).optional() })),
});

function rules(welcome: readonly number[], forging: readonly string[]): string {
  const { first, last } = FORGED_PORTS;
  return [
    'table inet witness {',
    '  counter strays { }',
    '  set forged { type inet_service; flags dynamic; size 128; }',
    '  chain arrivals {',
    '    type filter hook prerouting priority filter; policy accept;',
    `    iifname "wire" tcp sport ${String(first)}-${String(last)} add @forged { tcp sport }`,
    // The middle of a connection that was there before the witness is not a beginning.
    '    tcp flags & (syn | ack) != syn accept',
    ...(welcome.length === 0 ? [] : [`    iifname "wire" ct state new tcp dport { ${welcome.join(', ')} } accept`]),
    '    iifname "wire" ct state new counter name "strays"',
    '  }',
    '  chain forge {',
    '    type filter hook postrouting priority filter; policy accept;',
    ...forging.map((rule) => `    ${rule}`),
    '  }',
    '}',
    '',
  ].join('\n');
}
