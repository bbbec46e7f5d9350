import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { crashPointSettings } from './config.js';

let hits = 0;

/**
 * Place where the crash drill may kill this process: before and after every commit, push and ack. Names are string
 * literals, each used once, so that the drill can list them from the code. Without the drill's settings it does
 * nothing; with them the process is gone when this returns, as after a power cut.
 */
export function crashPoint(name: string): void {
  const settings = crashPointSettings();
  if (settings?.name !== name) {
    return;
  }
  hits += 1;
  if (hits < settings.after) {
    return;
  }
  if (settings.log !== undefined) {
    const file = openSync(settings.log, 'a', 0o600);
    writeSync(file, `${name}\n`);
    fsyncSync(file);
    closeSync(file);
  }
  process.kill(process.pid, 'SIGKILL');
}
