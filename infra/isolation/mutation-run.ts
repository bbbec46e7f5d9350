import type { Boundary } from './boundary.js';
import { compareRulesets, type LiveRuleset } from './live-ruleset.js';
import { mutationsOf, type Mutation } from './mutations.js';
import { runIn } from './namespaces.js';
import type { PlannedProbe } from './probe-plan.js';
import type { Row } from './report.js';
import { HOSTS } from './topology.js';

const PATIENCE = 300;

/**
 * Changes the live ruleset in one place after the other, and each time expects two alarms: a probe that finds what the
 * matrix does not say, and the comparison with the declared ruleset.
 */
export async function mutateEachRule(
  boundary: Boundary,
  probes: readonly PlannedProbe[],
  declared: LiveRuleset,
  progress: (line: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  const count = mutationsOf(await boundary.live()).length;
  for (let i = 0; i < count; i += 1) {
    // Loaded anew, the rules have other handles.
    const mutation = mutationsOf(await boundary.live())[i];
    if (mutation === undefined) {
      throw new Error('the ruleset is not the one it was');
    }
    await runIn(firewall(boundary), 'nft', ['-j', JSON.stringify({ nftables: mutation.commands })]);
    if (mutation.forgetsNeighbours) {
      await boundary.forgetNeighbours();
    }
    const noticed = await notice(boundary, probes, mutation);
    const { missing, excess } = compareRulesets(declared, await boundary.live());
    const compared = missing.length + excess.length > 0;
    rows.push({
      what: `${mutation.rule}: ${mutation.change}`,
      expected: 'a probe and the comparison notice',
      found: `${noticed ?? 'NO probe notices'}${compared ? '' : '; the comparison does NOT'}`,
      holds: noticed !== undefined && compared,
    });
    progress(`${String(i + 1)}/${String(count)} ${mutation.rule}: ${mutation.change}`);
    await boundary.restore();
  }
  return rows;
}

/** @returns the first probe that is not as the matrix says, and how many there are */
async function notice(
  boundary: Boundary,
  probes: readonly PlannedProbe[],
  { hiddenPort }: Mutation,
): Promise<string | undefined> {
  if (hiddenPort !== undefined) {
    return noticeByScan(boundary, hiddenPort);
  }
  const findings = await boundary.roundThatNotices(probes);
  const [first] = findings;
  const others = findings.length > 1 ? ` (and ${String(findings.length - 1)} more)` : '';
  return first === undefined ? undefined : `${first.text}: ${first.found}, not ${first.expected}${others}`;
}

async function noticeByScan(
  { probers }: Boundary,
  { port, family, to }: NonNullable<Mutation['hiddenPort']>,
): Promise<string | undefined> {
  const from = to === 443 ? 'somebody in the internet' : 'the agent host';
  const [source, target] =
    family === 'IPv4'
      ? ([HOSTS[from].v4, HOSTS['the DMZ host'].v4] as const)
      : ([HOSTS[from].v6, HOSTS['the DMZ host'].v6] as const);
  for (const patience of [PATIENCE, 4 * PATIENCE]) {
    const { firstAnswers } = await probers[HOSTS[from].network].scan(source, target, patience);
    if (firstAnswers.includes(port)) {
      return `scan ${from} → the DMZ host, ${family}: ${String(port)} answers`;
    }
  }
  return undefined;
}

function firewall({ network }: Boundary): string {
  return network.namespaces.name('firewall');
}
