import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import type { Zone } from '../zones/zones.js';

export type ServerName = 'mariadb' | 'redis';
export type ServicePorts = Record<Zone, Record<ServerName, number>>;

export const DEFAULT_PORTS: ServicePorts = {
  dmz: { mariadb: 13306, redis: 16379 },
  inside: { mariadb: 13307, redis: 16380 },
};

export const SERVER_TITLES: Record<Zone, Record<ServerName, string>> = {
  dmz: { mariadb: 'MariaDB of the DMZ', redis: 'Redis of the DMZ' },
  inside: { mariadb: 'MariaDB of the inside', redis: 'Redis of the inside' },
};

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

/** Refuses with the number and the purpose of the port before anything is started. */
export async function requireFreePort(port: number, purpose: string): Promise<void> {
  if (!(await isFree(port))) {
    throw new Error(`Port ${port} on 127.0.0.1, needed for ${purpose}, is in use by another program.`);
  }
}

/** Below the kernel's range for outgoing connections, so that a restarted server finds its port free again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) {
      return port;
    }
  }
}

export async function freeServicePorts(): Promise<ServicePorts> {
  return {
    dmz: { mariadb: await freePort(), redis: await freePort() },
    inside: { mariadb: await freePort(), redis: await freePort() },
  };
}
