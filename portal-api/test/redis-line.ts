import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { redisOf } from './gateway-under-test.js';

/** A line to Redis that can be cut and mended; everybody on it loses the connection, as with a restart. */
export class RedisLine {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private held: (() => void)[] | undefined;
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
      const join = (): void => {
        socket.pipe(far).pipe(socket);
      };
      if (this.held === undefined) {
        join();
      } else {
        this.held.push(join);
      }
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** New connections come and hear nothing, until `release`; those that are there go on. */
  hold(): void {
    this.held = [];
  }

  release(): void {
    this.held?.forEach((join) => {
      join();
    });
    this.held = undefined;
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
