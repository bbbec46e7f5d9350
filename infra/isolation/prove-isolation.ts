import type { System } from '../demo/system.js';
import { checkAccounts } from './accounts.js';
import type { Boundary, Finding } from './boundary.js';
import { checkBrowsers, checkPapers } from './doors.js';
import { checkListeners } from './listeners.js';
import { FORGED_PACKETS } from './forged-packets.js';
import { compareRulesets, type LiveRuleset } from './live-ruleset.js';
import { mutateEachRule } from './mutation-run.js';
import { crossProbes, ownProbes, type PlannedProbe } from './probe-plan.js';
import type { Part, Row } from './report.js';
import { scanAllPorts } from './scans.js';
import { NETWORKS } from './topology.js';

/**
 * Everything, from what listens to the change of each rule, in an order in which each step rests on those before it.
 * The parts are added as they are done.
 */
export async function proveIsolation(
  system: System,
  boundary: Boundary,
  parts: Part[],
  progress: (line: string) => void,
): Promise<void> {
  const begun = Date.now();
  const add = (part: Part): void => {
    parts.push(part);
    const odd = part.rows.filter(({ holds }) => !holds);
    progress(`[${((Date.now() - begun) / 1000).toFixed(0).padStart(4)} s] ${part.title}`);
    odd.forEach(({ what, expected, found }) => {
      progress(`         NOT HELD  ${what}: expected ${expected}, found ${found}`);
    });
  };
  const declared = await boundary.network.declared();
  const probes = crossProbes();

  add({
    title: 'Listening sockets',
    method: LISTENING,
    rows: await checkListeners(system, boundary.network.namespaces),
  });
  await boundary.answerEverywhere();
  add({ title: 'Every host hears itself', method: OWN, rows: rowsOf(ownProbes(), await boundary.own()) });
  add({ title: 'Without any rule everything is open', method: WIDE, rows: await withoutRules(boundary, probes) });

  await startOver(boundary);
  add({ title: 'The live ruleset is the declared one', method: RULES, rows: [await rulesetRow(boundary, declared)] });
  add({ title: 'The matrix', method: MATRIX, rows: rowsOf(probes, await boundary.round(probes)) });
  const { own, cross } = await scanAllPorts(boundary);
  add({ title: 'Every TCP port of every host answers its own host', method: OWN_SCANS, rows: own });
  add({ title: 'Every TCP port across the firewall', method: CROSS_SCANS, rows: cross });
  add({ title: 'What arrived', method: ARRIVED, rows: await strayRows(boundary) });
  add({ title: "Papers at the gateway's door", method: DOOR, rows: await checkPapers(boundary, system) });
  add({ title: "TLS at the web proxy's door", method: PROXY, rows: await checkBrowsers(boundary, system) });
  add({
    title: 'Rights of database accounts and Redis users',
    method: ACCOUNTS,
    rows: await checkAccounts(system.services),
  });
  add({
    title: 'Each rule changed',
    method: MUTATIONS,
    rows: await mutateEachRule(boundary, probes, declared, (line) => {
      progress(`         ${line}`);
    }),
  });
  add({
    title: 'Afterwards all is as before',
    method: AFTER,
    rows: [await rulesetRow(boundary, declared), ...rowsOf(probes, await boundary.round(probes))],
  });
}

const LISTENING =
  'Read live in every network (`ss`); a socket that the matrix does not name fails, and so does one that is missing.';
const OWN = 'All that is tried across the firewall succeeds within the own host: the listeners are there.';
const WIDE =
  'With an empty ruleset all of it succeeds across: what is closed below is closed by the rules, not by routes or absence.';
const RULES =
  'Compared whole, both families, all tables, with the declared ruleset as a second kernel namespace shows it.';
const MATRIX =
  'Every pair of hosts, every port that a process has and others, TCP, UDP, ping and names, IPv4 and IPv6. Closed means silence: a refusal would be an answer.';
const OWN_SCANS = 'All 65535, accepted or refused; the scan would hear them.';
const CROSS_SCANS = 'All 65535.';
const ARRIVED =
  'Counted behind the firewall during the matrix and the scans: packets that begin a connection where none may begin.';
const DOOR = 'TLS through the firewall to the real sync-gateway, and one call.';
const PROXY = 'TLS through the firewall to nginx, and one call.';
const ACCOUNTS = 'Live rights compared whole with `infra/grants`.';
const MUTATIONS =
  'Each rule removed; each accept widened in each of its conditions; each chain opened. Every change must be noticed by a probe and by the comparison.';
const AFTER = 'The declared ruleset again, and the matrix once more.';

async function withoutRules(boundary: Boundary, probes: readonly PlannedProbe[]): Promise<Row[]> {
  await boundary.openWide();
  const open = probes.map((probe) => ({ ...probe, expected: 'open' as const }));
  const rows = rowsOf(open, await boundary.lookClosely(open));
  const forged = await boundary.forgedArrivals();
  return [
    ...rows,
    {
      what: 'forged packets',
      expected: 'arrive',
      found: `${String(forged.length)} arrive`,
      holds: forged.length === FORGED_PACKETS.length,
    },
  ];
}

/** Back to the declared rules, with nothing counted yet. */
async function startOver(boundary: Boundary): Promise<void> {
  await boundary.restore();
  for (const network of NETWORKS) {
    await boundary.witness.strays(network);
  }
}

async function strayRows(boundary: Boundary): Promise<Row[]> {
  const rows: Row[] = [];
  for (const network of NETWORKS) {
    const strays = await boundary.witness.strays(network);
    rows.push({ what: network, expected: '0 packets', found: `${String(strays)} packets`, holds: strays === 0 });
  }
  return rows;
}

async function rulesetRow(boundary: Boundary, declared: LiveRuleset): Promise<Row> {
  const { missing, excess } = compareRulesets(declared, await boundary.live());
  const differences = [...missing.map((each) => `missing ${each}`), ...excess.map((each) => `more: ${each}`)];
  return {
    what: `ruleset of the firewall, ${String(declared.rules.length)} rules`,
    expected: 'as declared',
    found: differences.join('; ') || 'as declared',
    holds: differences.length === 0,
  };
}

/** One row for each pair of hosts, and one for each finding. */
function rowsOf(probes: readonly PlannedProbe[], findings: readonly Finding[]): Row[] {
  const pairs = Map.groupBy(probes, ({ pair }) => pair);
  const odd = new Set(findings.map(({ text }) => text));
  return [
    ...[...pairs].map(([pair, tried]) => {
      const open = tried.filter(({ expected }) => expected === 'open');
      const failed = tried.filter(({ text }) => odd.has(text)).length;
      const only = [...new Set(open.map(({ text }) => text.split(', ')[1]))].join(', ');
      const expected =
        open.length === tried.length ? 'all open' : open.length === 0 ? 'all silent' : `open ${only}, else silent`;
      return {
        what: pair,
        expected,
        found:
          failed === 0
            ? `${String(tried.length)} as expected`
            : `${String(failed)} of ${String(tried.length)} otherwise`,
        holds: failed === 0,
      };
    }),
    ...findings.map(({ text, expected, found }) => ({ what: text, expected, found, holds: false })),
  ];
}
