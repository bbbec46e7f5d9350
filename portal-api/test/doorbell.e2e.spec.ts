import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Doorbell } from '../src/doorbell/doorbell.js';
import { DoorbellListener } from '../src/doorbell/doorbell-listener.js';
import { redisOf } from './gateway-under-test.js';

/** A line to Redis that can be cut and mended; everybody on it loses the connection, as with a restart. */
class Line {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  port = 0;

  async mend(): Promise<void> {
    const target = redisOf('portal_api').port;
    this.server = createServer((socket) => {
      const far = connect(target, '127.0.0.1');
      for (const end of [socket, far]) {
        this.sockets.add(end);
        end.on('error', () => undefined);
        end.on('close', () => {
          socket.destroy();
          far.destroy();
        });
      }
      socket.pipe(far).pipe(socket);
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    const closed = this.server === undefined ? undefined : once(this.server, 'close');
    this.server?.close();
    for (const socket of this.sockets) {
      socket.destroy();
    }
    this.sockets.clear();
    await closed;
  }
}

describe('the doorbell', () => {
  const line = new Line();
  const databaseName = `portal_bell_${String(process.pid)}_${String(Date.now())}`;
  let bell: Doorbell;
  let listener: DoorbellListener;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    await line.mend();
    await line.cut();
    // Both begin while Redis is away.
    bell = new Doorbell({ ...redisOf('portal_api'), port: line.port }, databaseName);
    listener = new DoorbellListener({ ...redisOf('sync_gateway'), port: line.port }, databaseName);
  });
  afterAll(async () => {
    await Promise.all([bell.onApplicationShutdown(), listener.onApplicationShutdown()]);
    await line.cut();
  });

  /** Milliseconds until a ring is heard, ringing again and again as traffic would. */
  async function untilHeard(): Promise<number> {
    const started = performance.now();
    for (;;) {
      const ticket = listener.ticket();
      bell.ring();
      const heard = await Promise.race([ticket.then(() => true), sleep(250).then(() => false)]);
      if (heard) {
        return performance.now() - started;
      }
    }
  }

  test('rings into the void without harm while Redis is away', async () => {
    const ticket = listener.ticket();
    const started = performance.now();
    bell.ring();
    expect(performance.now() - started).toBeLessThan(50);
    await listener.rung(ticket, 300, new AbortController().signal);
    expect(performance.now() - started).toBeGreaterThan(290);
  });

  test('is heard at once when Redis is there, and again after every cut', async () => {
    for (let round = 0; round < 3; round += 1) {
      await line.mend();
      expect(await untilHeard()).toBeLessThan(10_000);
      expect(await untilHeard()).toBeLessThan(250);
      await line.cut();
      await sleep(100);
    }
  });

  test('a ring between looking and waiting is not missed, and a caller who leaves stops waiting', async () => {
    const ticket = listener.ticket();
    listener.wake();
    const started = performance.now();
    await listener.rung(ticket, 5_000, new AbortController().signal);
    const leaving = new AbortController();
    setTimeout(() => {
      leaving.abort();
    }, 50);
    await listener.rung(listener.ticket(), 5_000, leaving.signal);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
