import type { ChildProcess } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserPlace } from '../demo/browser.js';
import type { Surroundings } from '../demo/surroundings.js';
import { bareEnvironment, exited, run, spawnChild } from '../services/child-process.js';
import type { Place } from '../services/place.js';
import type { ServicePorts } from '../services/ports.js';
import { listenerOf } from '../zones/zones.js';
import { createNamespaces, enter, removeNamespaces, runIn, type Namespaces } from './namespaces.js';
import { liveRuleset, type LiveRuleset } from './live-ruleset.js';
import { HOSTS, PUBLIC_NAME, ruleset, type Network } from './topology.js';

const PREFIX = 'odp-net-';
const DMZ = HOSTS['the DMZ host'];
const HTTPS = listenerOf('web-proxy').port;

/** Ports as in production: every zone has its network to itself. */
export const PRODUCTION_PORTS = {
  portal: listenerOf('portal-api').port,
  gateway: listenerOf('sync-gateway').port,
  openemr: listenerOf('openemr').port,
  services: {
    dmz: { mariadb: listenerOf('dmz-mariadb').port, redis: listenerOf('dmz-redis').port },
    inside: { mariadb: listenerOf('openemr-mariadb').port, redis: listenerOf('inside-redis').port },
  } satisfies ServicePorts,
};

/**
 * The three zones as networks of their own, joined by a firewall that has the declared ruleset, and by nothing else.
 * All of it goes with `await using`, and what a run that was killed leaves goes with the next run.
 */
export class IsolatedNetwork implements AsyncDisposable {
  private readonly relays: ChildProcess[] = [];

  private constructor(
    readonly namespaces: Namespaces,
    private readonly folder: string,
  ) {}

  /** @throws NoPrivilege where the machine does not let us */
  static async create(): Promise<IsolatedNetwork> {
    removeFoldersOfTheDead();
    const namespaces = await createNamespaces();
    const network = new IsolatedNetwork(namespaces, mkdtempSync(join(tmpdir(), `${PREFIX}${String(process.pid)}-`)));
    try {
      await network.loadRuleset(ruleset());
      const ports = PRODUCTION_PORTS;
      await Promise.all([
        network.relay('dmz', '127.0.0.1', [HTTPS, ports.portal, ports.gateway]),
        network.relay('inside', '127.0.0.1', [ports.services.inside.mariadb, ports.openemr]),
        network.relay('internet', DMZ.v4, [HTTPS]),
      ]);
      return network;
    } catch (error: unknown) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Replaces the firewall's rules, all of them at once. */
  async loadRuleset(text: string): Promise<void> {
    await runIn(this.namespaces.name('firewall'), 'nft', ['-f', '-'], text);
  }

  /** The declared ruleset in the kernel's words: loaded into a namespace that has nothing else, and read there. */
  async declared(): Promise<LiveRuleset> {
    const name = this.namespaces.name('reference');
    await run('ip', ['netns', 'add', name], { env: bareEnvironment('/') });
    await runIn(name, 'nft', ['-f', '-'], ruleset());
    return liveRuleset(name);
  }

  /** What the system must be told to run in these networks. */
  get surroundings(): Surroundings {
    return {
      places: { dmz: this.place('dmz', []), inside: this.place('inside', listeningInside()) },
      origin: `https://${PUBLIC_NAME}`,
      gateway: { listens: '::', reached: DMZ.v4 },
      proxy: { publicName: PUBLIC_NAME, internetDoor: this.socket('internet', HTTPS) },
    };
  }

  /**
   * A browser in the internet. It knows the portal's address, and believes the one key of the portal's certificate;
   * every other certificate is checked as ever.
   */
  browser(dataDir: string): BrowserPlace {
    const certificate = new X509Certificate(readFileSync(join(dataDir, 'dmz/proxy/tls/portal.crt')));
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
    return {
      executable: (chromium) => {
        const script = join(this.folder, 'browser');
        const command = [...enter(this.namespaces.name('internet')), 'setpriv', '--pdeathsig', 'KILL', '--', chromium];
        writeFileSync(script, `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`, { mode: 0o700 });
        return script;
      },
      args: [
        `--host-resolver-rules=MAP ${PUBLIC_NAME} ${DMZ.v4}`,
        `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
      ],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.relays.map((relay) => {
        relay.kill('SIGKILL');
        return exited(relay);
      }),
    );
    await removeNamespaces(this.namespaces);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private place(network: 'dmz' | 'inside', mariadbAddresses: readonly string[]): Place {
    return {
      prefix: enter(this.namespaces.name(network)),
      mariadbAddresses,
      door: (port) => ({ path: this.socket(network, port) }),
    };
  }

  private socket(network: Network, port: number): string {
    return join(this.folder, `${network}-${String(port)}.sock`);
  }

  private async relay(network: Network, address: string, ports: number[]): Promise<void> {
    const program = fileURLToPath(new URL('relay.js', import.meta.url));
    const lines = ports.map((port) => `${this.socket(network, port)}=${address}:${String(port)}`);
    const child = spawnChild(process.execPath, [program, ...lines], {
      env: bareEnvironment('/'),
      prefix: enter(this.namespaces.name(network)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.relays.push(child);
    const ended = exited(child).then((reason) => {
      throw new Error(`the relay into the ${network} ${reason}`);
    });
    // Its end matters only until it is ready; afterwards whoever uses it notices.
    ended.catch(() => undefined);
    await Promise.race([child.stdout === null ? Promise.resolve() : once(child.stdout, 'data'), ended]);
  }
}

/** OpenEMR's database is one for other hosts of the inside too. */
function listeningInside(): string[] {
  const { v4, v6 } = HOSTS['the OpenEMR server'];
  return [v4, v6];
}

function removeFoldersOfTheDead(): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    const pid = name.slice(PREFIX.length).split('-')[0] ?? '';
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}
