import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Envelope, type Order, type Outcome, type Probe, type Scan } from './prober-messages.js';

/**
 * Runs in one network for as long as its parent holds the channel: listens where it is told to, and tries to reach
 * others. It knows nothing of what is expected.
 */
const ATTEMPTS_AT_ONCE = 5_000;
const LAST_PORT = 65_535;
const ANSWERS_KEPT = 100;
const ANSWER_LIMIT = 5_000;
const DNS_HEADER = 12;

// Hundreds of thousands of refusals are made into errors; nobody reads where.
Error.stackTraceLimit = 0;

process.on('message', (message: unknown) => {
  const { id, order } = Envelope.parse(message);
  carryOut(order).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => process.send?.({ id, error: error instanceof Error ? error.message : 'no reason' }),
  );
});
process.on('disconnect', () => process.exit(0));

async function carryOut(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'listen':
      await Promise.all(order.addresses.flatMap((at) => order.tcp.map((port) => listenTcp(at, port))));
      await Promise.all(order.addresses.flatMap((at) => order.udp.map((port) => listenUdp(at, port))));
      return {};
    case 'probe':
      return Promise.all(order.probes.map((each) => probe(each, order.patience)));
    case 'scan':
      return scan(order);
    case 'forge':
      return forge(order);
    case 'tls':
      return { line: await speakTls(order) };
    case 'plain':
      return { line: await speakPlain(order) };
  }
}

/** A port that somebody has already is answered by that somebody. */
function listenTcp(host: string, port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        resolve();
      } else {
        reject(error);
      }
    });
    server.listen({ host, port, backlog: 1024 }, resolve);
  });
}

function listenUdp(address: string, port: number): Promise<void> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('message', (message, { address: sender, port: senderPort }) => {
    socket.send(port === 53 ? nameAnswer(message) : message, senderPort, sender);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, resolve);
  });
}

/** The question of a name server's client with one address as its answer. */
function nameAnswer(query: Buffer): Buffer {
  let end = DNS_HEADER;
  while ((query[end] ?? 0) !== 0) {
    end += (query[end] ?? 0) + 1;
  }
  const question = query.subarray(DNS_HEADER, end + 5);
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, DNS_HEADER, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]);
  return Buffer.concat([header, question, answer]);
}

function probe({ protocol, from, to, port }: Probe, patience: number): Promise<Outcome> {
  switch (protocol) {
    case 'tcp':
      return tryTcp(from, to, port, patience);
    case 'udp':
      return tryUdp(from, to, port, patience);
    case 'ping':
      return tryPing(from, to, patience);
    case 'dns':
      return tryName(from, to, patience);
  }
}

function tryTcp(localAddress: string, host: string, port: number, patience: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress });
    const settle = (outcome: Outcome): void => {
      clearTimeout(timer);
      if (outcome === 'open') {
        // A reset leaves no state behind that a later attempt could meet.
        socket.resetAndDestroy();
      } else {
        socket.destroy();
      }
      resolve(outcome);
    };
    // An answer that came while this process was busy is read before the silence is believed.
    const timer = setTimeout(() => setImmediate(settle, 'silent'), patience);
    socket.once('connect', () => {
      settle('open');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      settle(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'refused' : 'unreachable');
    });
  });
}

function tryUdp(address: string, to: string, port: number, patience: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(to) ? 'udp6' : 'udp4');
    let settled = false;
    const settle = (outcome: Outcome): void => {
      if (!settled) {
        settled = true;
        clearTimeout(timer);
        socket.close();
        resolve(outcome);
      }
    };
    const timer = setTimeout(() => setImmediate(settle, 'silent'), patience);
    socket.once('message', () => {
      settle('open');
    });
    socket.on('error', () => {
      settle('unreachable');
    });
    socket.bind({ address }, () => {
      if (!settled) {
        socket.send('probe', port, to);
      }
    });
  });
}

function tryPing(from: string, to: string, patience: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const seconds = String(patience / 1000);
    const ping = spawn('ping', ['-n', '-q', '-c', '1', '-W', seconds, '-I', from, to], { stdio: 'ignore' });
    // ping itself ends later than asked where not even the next hop is known.
    const timer = setTimeout(() => {
      ping.kill('SIGKILL');
    }, patience + 200);
    ping.once('close', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? 'open' : code === 1 || code === null ? 'silent' : 'unreachable');
    });
    ping.once('error', () => {
      resolve('unreachable');
    });
  });
}

async function tryName(from: string, to: string, patience: number): Promise<Outcome> {
  const resolver = new Resolver({ timeout: patience, tries: 1 });
  resolver.setServers([isIPv6(to) ? `[${to}]:53` : `${to}:53`]);
  if (isIPv6(from)) {
    resolver.setLocalAddress('0.0.0.0', from);
  } else {
    resolver.setLocalAddress(from);
  }
  try {
    await resolver.resolve4('probe.example');
    return 'open';
  } catch (error: unknown) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ETIMEOUT' || code === 'ECANCELLED' ? 'silent' : 'unreachable';
  }
}

async function scan({ from, to, patience }: Extract<Order, { kind: 'scan' }>): Promise<Scan> {
  const result: Scan = { open: [], firstAnswers: [], answered: 0, silent: 0 };
  const attempt = async (ports: Iterator<number>, patientFor: number, silent: number[]): Promise<void> => {
    for (let next = ports.next(); next.done !== true; next = ports.next()) {
      const port = next.value;
      const outcome = await tryTcp(from, to, port, patientFor);
      if (outcome === 'silent') {
        silent.push(port);
        continue;
      }
      result.answered += 1;
      if (result.firstAnswers.length < ANSWERS_KEPT) {
        result.firstAnswers.push(port);
      }
      if (outcome === 'open') {
        result.open.push(port);
      }
    }
  };
  const all = async (ports: number[], patientFor: number): Promise<number[]> => {
    const silent: number[] = [];
    const queue = ports.values();
    await Promise.all(Array.from({ length: ATTEMPTS_AT_ONCE }, () => attempt(queue, patientFor, silent)));
    return silent;
  };
  const silent = await all(
    Array.from({ length: LAST_PORT }, (_, i) => i + 1),
    patience,
  );
  // Where nearly all answered, the few others were busy with this very scan.
  const still = silent.length < ANSWERS_KEPT ? await all(silent, 10 * patience) : silent;
  result.silent = still.length;
  result.open.sort((a, b) => a - b);
  return result;
}

/** The packet leaves at once; whether it arrived is seen where it should not. */
async function forge({ from, fromPort, to, port }: Extract<Order, { kind: 'forge' }>): Promise<unknown> {
  const socket = connect({ host: to, port, localAddress: from, localPort: fromPort });
  socket.on('error', () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.destroy();
  return {};
}

function speakTls(order: Extract<Order, { kind: 'tls' }>): Promise<string> {
  const { to, port, version, from, request, renegotiate, ...identity } = order;
  return new Promise((resolve) => {
    const wire = connect({ host: to, port, localAddress: from });
    wire.once('error', (error: NodeJS.ErrnoException) => {
      settle(error.code ?? error.message);
    });
    const socket = connectTls({
      ...identity,
      socket: wire,
      minVersion: version,
      maxVersion: version,
      // What is refused must be refused by the far side, not by this one.
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    const settle = settleOnce(socket, resolve);
    socket.once('secureConnect', () => {
      if (!renegotiate) {
        socket.write(request);
        return;
      }
      socket.renegotiate({}, (error) => {
        if (error === null) {
          socket.write(request);
        } else {
          settle('code' in error ? String(error.code) : error.message);
        }
      });
    });
  });
}

function speakPlain({ from, to, port, request }: Extract<Order, { kind: 'plain' }>): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, localAddress: from }, () => socket.write(request));
    settleOnce(socket, resolve);
  });
}

/** The far side's first line, or the reason why there is none. @returns ends the attempt with the given words */
function settleOnce(socket: Socket, resolve: (line: string) => void): (line: string) => void {
  const settle = (line: string): void => {
    socket.destroy();
    resolve(line);
  };
  socket.setTimeout(ANSWER_LIMIT, () => {
    settle('no answer');
  });
  socket.once('error', (error: NodeJS.ErrnoException) => {
    settle(error.code ?? error.message);
  });
  socket.once('close', () => {
    settle('closed without a word');
  });
  socket.once('data', (data) => {
    settle(data.toString('latin1').split('\r\n')[0] ?? '');
  });
  return settle;
}
