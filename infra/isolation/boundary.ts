import { bareEnvironment, run } from '../services/child-process.js';
import { LISTENERS } from './expected-matrix.js';
import { FORGED_PACKETS } from './forged-packets.js';
import type { IsolatedNetwork } from './isolated-network.js';
import { liveRuleset, refusals, type LiveRuleset } from './live-ruleset.js';
import { ownProbes, TCP_PORTS, UDP_PORTS, type PlannedProbe } from './probe-plan.js';
import { Prober } from './prober-handle.js';
import type { Outcome } from './prober-messages.js';
import { gatewayOf, HOSTS, NETWORKS, ruleset, type Network } from './topology.js';
import { Witness } from './witness.js';

/** Something that was not as the matrix says. */
export interface Finding {
  text: string;
  expected: string;
  found: string;
}

/** Milliseconds after which silence counts: a first look, and a second one at what the first found odd. */
const SHORT = 500;
const LONG = 2_000;

/** The firewall between the networks, with probers in all of them and a witness behind it. */
export class Boundary implements AsyncDisposable {
  private constructor(
    readonly network: IsolatedNetwork,
    readonly probers: Record<Network | 'firewall', Prober>,
    readonly witness: Witness,
  ) {}

  static async open(network: IsolatedNetwork): Promise<Boundary> {
    const { namespaces } = network;
    const welcome = LISTENERS.filter(({ network: where, at }) => where === 'dmz' && at === 'everywhere');
    const witness = await Witness.install(namespaces, {
      internet: [],
      dmz: welcome.map(({ socket }) => Number(socket.split(' ')[1])),
      inside: [],
    });
    const prober = (of: Network | 'firewall'): Prober => new Prober(namespaces.name(of));
    const boundary = new Boundary(
      network,
      { internet: prober('internet'), dmz: prober('dmz'), inside: prober('inside'), firewall: prober('firewall') },
      witness,
    );
    return boundary;
  }

  /** From now on somebody answers at every host and every port that is tried. */
  async answerEverywhere(): Promise<void> {
    const hosts = Object.values(HOSTS);
    await Promise.all([
      ...NETWORKS.map((each) =>
        this.listen(
          each,
          hosts.filter((host) => host.network === each),
        ),
      ),
      this.listen('firewall', NETWORKS.map(gatewayOf)),
    ]);
  }

  /** Every attempt by a host on itself. */
  own(): Promise<Finding[]> {
    return this.lookClosely(ownProbes());
  }

  /** The given probes and nothing else, with patience. */
  lookClosely(probes: readonly PlannedProbe[]): Promise<Finding[]> {
    return this.confirmed(probes, LONG);
  }

  /**
   * One round over all given probes, forged packets, and the counting of refusals.
   * @param patience how long silence is waited for at first; what is odd is looked at again for longer
   */
  async round(probes: readonly PlannedProbe[], patience = SHORT): Promise<Finding[]> {
    const before = refusals(await this.live());
    const findings = await this.confirmed(probes, patience);
    findings.push(...(await this.forgedArrivals()));
    const after = refusals(await this.live());
    for (const chain of ['forward', 'input']) {
      if ((after.get(chain) ?? 0) <= (before.get(chain) ?? 0)) {
        findings.push({ text: `what chain ${chain} refuses is counted`, expected: 'counted', found: 'not counted' });
      }
    }
    return findings;
  }

  /** A round that must show something; only when a quick one shows nothing, a patient one is made. */
  async roundThatNotices(probes: readonly PlannedProbe[]): Promise<Finding[]> {
    const quick = await this.round(probes);
    return quick.length > 0 ? quick : this.round(probes, LONG);
  }

  /** Sends the forged packets. @returns those that arrived */
  async forgedArrivals(): Promise<Finding[]> {
    await Promise.all(
      FORGED_PACKETS.map(({ from, to, port, family, fromPort }) => {
        const sender = Object.values(HOSTS).find(({ network }) => network === from) ?? HOSTS[to];
        return this.probers[from].forge(family.of(sender), fromPort, family.of(HOSTS[to]), port);
      }),
    );
    const arrived = await this.witness.forged('dmz');
    return FORGED_PACKETS.filter(({ fromPort }) => arrived.includes(fromPort)).map(
      ({ from, as, to, port, family }) => ({
        text: `the ${from} in the name of ${as} → ${to}, tcp ${String(port)}, ${family.name}`,
        expected: 'does not arrive',
        found: 'arrived',
      }),
    );
  }

  live(): Promise<LiveRuleset> {
    return liveRuleset(this.network.namespaces.name('firewall'));
  }

  /** The declared ruleset again, whatever was changed. */
  async restore(): Promise<void> {
    await this.network.loadRuleset(ruleset());
    await this.forgetNeighbours();
  }

  /** No rule at all: everything is handed on. */
  async openWide(): Promise<void> {
    await this.network.loadRuleset('flush ruleset\n');
  }

  /** What the kernels remember of IPv6 neighbours would hide for a while that they cannot be found any more. */
  async forgetNeighbours(): Promise<void> {
    await Promise.all(
      [...NETWORKS, 'firewall' as const].map((of) =>
        run('ip', ['-n', this.network.namespaces.name(of), 'neigh', 'flush', 'all'], { env: bareEnvironment('/') }),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Object.values(this.probers).map((prober) => prober[Symbol.asyncDispose]()));
  }

  private async listen(of: Network | 'firewall', hosts: readonly { v4: string; v6: string }[]): Promise<void> {
    await this.probers[of].listen(
      hosts.flatMap(({ v4, v6 }) => [v4, v6]),
      TCP_PORTS,
      UDP_PORTS,
    );
  }

  /** Findings that hold on a second, patient look: a busy machine is late, not open and not closed. */
  private async confirmed(probes: readonly PlannedProbe[], patience = SHORT): Promise<Finding[]> {
    const odd = await this.outcomes(probes, patience);
    if (odd.length === 0) {
      return [];
    }
    const still = await this.outcomes(
      odd.map(({ planned }) => planned),
      LONG,
    );
    return still.map(({ planned, outcome }) => ({ text: planned.text, expected: planned.expected, found: outcome }));
  }

  private async outcomes(
    probes: readonly PlannedProbe[],
    patience: number,
  ): Promise<{ planned: PlannedProbe; outcome: Outcome }[]> {
    const byNetwork = await Promise.all(
      NETWORKS.map(async (network) => {
        const own = probes.filter((each) => each.network === network);
        const outcomes = await this.probers[network].probe(
          own.map(({ probe }) => probe),
          patience,
        );
        return own.map((planned, i) => ({ planned, outcome: outcomes[i] ?? 'unreachable' }));
      }),
    );
    return byNetwork.flat().filter(({ planned, outcome }) => outcome !== planned.expected);
  }
}
