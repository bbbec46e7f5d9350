/** A launcher to be killed by a test: starts services on the given folder and ports, prints their pids, and waits. */
import './typescript-hooks.mjs';

const { startServices } = await import('../services/services.ts');

const [, , dataDir, ports] = process.argv;
const { dmz, inside } = await startServices({ dataDir, ports: JSON.parse(ports) });
process.stdout.write(JSON.stringify([dmz.mariadb.pid, dmz.redis.pid, inside.mariadb.pid, inside.redis.pid]));
setInterval(() => undefined, 60_000);
