import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { HOSTS } from './topology.js';
import { TCP_PORTS } from './probe-plan.js';
import type { Expression, LiveRuleset, Rule } from './live-ruleset.js';

/** One change of the live ruleset that lets more through, or less, than was declared. */
export interface Mutation {
  rule: string;
  change: string;
  /** commands of nft, as JSON */
  commands: unknown[];
  /** IPv6 neighbours have to be found anew for it to show */
  forgetsNeighbours: boolean;
  /** a port that no probe tries by itself: a scan of all ports must find it */
  hiddenPort?: { port: number; family: 'IPv4' | 'IPv6'; to: 443 | 8443 };
}

/**
 * Every rule removed; every rule that accepts without each one of its conditions, over UDP too, for the whole network
 * of each address, and for one more port; every chain with the other policy.
 */
export function mutationsOf({ rules, chains }: LiveRuleset): Mutation[] {
  return [
    ...rules.flatMap((rule) => [
      mutation(rule, 'removed', [{ delete: { rule: placeOf(rule) } }]),
      ...(accepts(rule) ? widenings(rule) : []),
    ]),
    ...chains
      .filter(({ policy }) => policy === 'drop')
      .map((chain) => ({
        rule: `chain ${chain.name}`,
        change: 'accepts what no rule names',
        commands: [{ add: { chain: { ...chain, policy: 'accept' } } }],
        forgetsNeighbours: false,
      })),
  ];
}

function widenings(rule: Rule): Mutation[] {
  return rule.expr.flatMap((expression, i) => {
    const parsed = Match.safeParse(expression);
    if (!parsed.success) {
      return [];
    }
    const { left, right } = parsed.data.match;
    const without = (...instead: Expression[]): Mutation['commands'] => [
      { replace: { rule: { ...placeOf(rule), comment: rule.comment, expr: rule.expr.toSpliced(i, 1, ...instead) } } },
    ];
    const field = wordsOf(left);
    const widened = [mutation(rule, `without its ${field}`, without())];
    if (left.payload?.field === 'dport' && typeof right === 'number') {
      widened.push(
        mutation(rule, 'over UDP too', without(...overUdpToo(right))),
        withHiddenPort(rule, right, (port) => without(matching(left, { set: [right, port] }))),
      );
    }
    if (left.payload?.field.endsWith('addr') === true && typeof right === 'string') {
      const prefix = {
        prefix: right.includes(':') ? { addr: network6(right), len: 64 } : { addr: network4(right), len: 24 },
      };
      widened.push(mutation(rule, `for all of the network of its ${field}`, without(matching(left, prefix))));
    }
    return widened;
  });
}

const Match = z.object({
  match: z.object({
    op: z.string(),
    left: z.looseObject({
      payload: z.object({ protocol: z.string(), field: z.string() }).optional(),
      meta: z.object({ key: z.string() }).optional(),
      ct: z.object({ key: z.string() }).optional(),
    }),
    right: z.unknown(),
  }),
});

function wordsOf({ payload, meta, ct }: z.infer<typeof Match>['match']['left']): string {
  return payload === undefined ? (meta?.key ?? `ct ${ct?.key ?? 'condition'}`) : `${payload.protocol} ${payload.field}`;
}

function mutation(rule: Rule, change: string, commands: unknown[]): Mutation {
  return { rule: nameOf(rule), change, commands, forgetsNeighbours: rule.chain === 'input' };
}

function withHiddenPort(rule: Rule, declared: number, commands: (port: number) => unknown[]): Mutation {
  const port = untriedPort();
  return {
    ...mutation(rule, `for port ${String(port)} too`, commands(port)),
    hiddenPort: {
      port,
      family: JSON.stringify(rule.expr).includes(HOSTS['the DMZ host'].v6) ? 'IPv6' : 'IPv4',
      to: declared === 443 ? 443 : 8443,
    },
  };
}

/** A port at which nobody listens answers too, by refusing: the scan counts that. */
function untriedPort(): number {
  for (;;) {
    const port = randomInt(1_024, 32_000);
    if (!TCP_PORTS.includes(port)) {
      return port;
    }
  }
}

function overUdpToo(port: number): Expression[] {
  return [
    matching({ meta: { key: 'l4proto' } }, { set: ['tcp', 'udp'] }),
    matching({ payload: { protocol: 'th', field: 'dport' } }, port),
  ];
}

function matching(left: unknown, right: unknown): Expression {
  return { match: { op: '==', left, right } };
}

function accepts({ expr }: Rule): boolean {
  return expr.some((each) => 'accept' in each);
}

function placeOf({ family, table, chain, handle }: Rule): Omit<Rule, 'expr' | 'comment'> {
  return { family, table, chain, handle };
}

export function nameOf({ chain, comment, expr }: Rule): string {
  return `${chain}: ${comment ?? JSON.stringify(expr)}`;
}

function network4(address: string): string {
  return address.replace(/\d+$/, '0');
}

function network6(address: string): string {
  return address.replace(/[0-9a-f]+$/, '');
}
