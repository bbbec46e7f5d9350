import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { bareEnvironment, exited, spawnChild } from '../services/child-process.js';
import { enter } from './namespaces.js';
import { Outcome, Reply, Scan, Words, type Order, type Probe } from './prober-messages.js';

/** A prober in a network, as the proof uses it. */
export class Prober implements AsyncDisposable {
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>();
  private readonly child: ChildProcess;
  private lastId = 0;

  constructor(namespace: string) {
    this.child = spawnChild(process.execPath, [fileURLToPath(new URL('prober.js', import.meta.url))], {
      env: bareEnvironment('/'),
      prefix: enter(namespace),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.on('message', (message: unknown) => {
      this.settle(Reply.parse(message));
    });
    void exited(this.child).then((reason) => {
      for (const waiting of this.waiting.values()) {
        waiting.reject(new Error(`the prober of ${namespace} ${reason}`));
      }
    });
  }

  async listen(addresses: string[], tcp: number[], udp: number[]): Promise<void> {
    await this.ask({ kind: 'listen', addresses, tcp, udp });
  }

  /** One outcome for each probe, in their order. */
  async probe(probes: Probe[], patience: number): Promise<Outcome[]> {
    return z.array(Outcome).parse(await this.ask({ kind: 'probe', probes, patience }));
  }

  async scan(from: string, to: string, patience: number): Promise<Scan> {
    return Scan.parse(await this.ask({ kind: 'scan', from, to, patience }));
  }

  async forge(from: string, fromPort: number, to: string, port: number): Promise<void> {
    await this.ask({ kind: 'forge', from, fromPort, to, port });
  }

  /** @returns the far side's first line, or why there was none */
  async speak(order: Extract<Order, { kind: 'tls' | 'plain' }>): Promise<string> {
    return Words.parse(await this.ask(order)).line;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await exited(this.child);
  }

  private ask(order: Order): Promise<unknown> {
    this.lastId += 1;
    const waiting = Promise.withResolvers<unknown>();
    this.waiting.set(this.lastId, waiting);
    this.child.send({ id: this.lastId, order });
    return waiting.promise;
  }

  private settle({ id, answer, error }: Reply): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) {
      waiting?.resolve(answer);
    } else {
      waiting?.reject(new Error(error));
    }
  }
}
