import { z } from 'zod';
import { runIn } from './namespaces.js';

const Expression = z.record(z.string(), z.unknown());
export type Expression = z.infer<typeof Expression>;

const Rule = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  handle: z.number(),
  comment: z.string().optional(),
  expr: z.array(Expression),
});
export type Rule = z.infer<typeof Rule>;

const Chain = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.string().optional(),
  hook: z.string().optional(),
  prio: z.number().optional(),
  policy: z.string().optional(),
});
export type Chain = z.infer<typeof Chain>;

const Listing = z.object({ nftables: z.array(Expression) });

/** Everything that a namespace's nftables holds, in the kernel's words. */
export interface LiveRuleset {
  rules: Rule[];
  chains: Chain[];
  /** every object as one line without what changes by itself: handles, counts */
  lines: string[];
}

export async function liveRuleset(namespace: string): Promise<LiveRuleset> {
  const { nftables } = Listing.parse(JSON.parse(await runIn(namespace, 'nft', ['-j', 'list', 'ruleset'])));
  return {
    rules: nftables.flatMap((each) => ('rule' in each ? [Rule.parse(each['rule'])] : [])),
    chains: nftables.flatMap((each) => ('chain' in each ? [Chain.parse(each['chain'])] : [])),
    lines: nftables.filter((each) => !('metainfo' in each)).map((each) => JSON.stringify(each, withoutCounts)),
  };
}

/** What one ruleset has and the other has not; both empty when they are the same, also in order. */
export function compareRulesets(declared: LiveRuleset, live: LiveRuleset): { missing: string[]; excess: string[] } {
  const missing = declared.lines.filter((line) => !live.lines.includes(line));
  const excess = live.lines.filter((line) => !declared.lines.includes(line));
  const sameOrder = declared.lines.join('\n') === live.lines.join('\n');
  return missing.length + excess.length > 0 || sameOrder ? { missing, excess } : { missing, excess: ['another order'] };
}

/** How many packets each chain's last rule has counted; a chain without such a rule is not in it. */
export function refusals({ rules }: LiveRuleset): Map<string, number> {
  const Counter = z.object({ counter: z.object({ packets: z.number() }) });
  return new Map(
    rules.flatMap(({ chain, expr }) => {
      const counter = expr.map((each) => Counter.safeParse(each)).find(({ success }) => success);
      return counter?.data === undefined ? [] : [[chain, counter.data.counter.packets] as const];
    }),
  );
}

function withoutCounts(name: string, value: unknown): unknown {
  return name === 'handle' || name === 'packets' || name === 'bytes' ? undefined : value;
}
