import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

/**
 * Runs in a closed-off network and passes bytes between sockets of the file system, which every network of the machine
 * shares, and TCP ports that only this network reaches: `relay <socket>=<address>:<port> …`. Prints `ready`.
 */
const LINE = /^(.+)=([\d.]+):(\d+)$/;

await Promise.all(
  process.argv.slice(2).map((argument) => {
    const [, path = '', host = '', port = ''] = LINE.exec(argument) ?? [];
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ host, port: Number(port), allowHalfOpen: true });
      // A side that breaks off ends the other; who talks over it notices by itself.
      pipeline(near, far, () => undefined);
      pipeline(far, near, () => undefined);
    });
    return new Promise<void>((resolve) => {
      server.listen({ path }, resolve);
    });
  }),
);
process.stdout.write('ready\n');
