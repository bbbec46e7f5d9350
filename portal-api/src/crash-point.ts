import { appendFileSync, closeSync, fsyncSync, openSync } from 'node:fs';

// Not part of any configuration: only the crash drill sets these, and a process without them must not know it could.
/* eslint-disable no-restricted-syntax */
const TARGET = process.env['CRASH_POINT'];
const LOG = process.env['CRASH_POINT_LOG'];
let hitsLeft = Number(process.env['CRASH_POINT_AFTER'] ?? '1');
/* eslint-enable no-restricted-syntax */

/**
 * A place where the crash drill can kill this process: before and after every commit and acknowledgement. The name is a
 * string literal, so that the drill can list all of them from the code. Does nothing unless the drill chose this point.
 */
export function crashPoint(name: string): void {
  if (TARGET !== name) {
    return;
  }
  hitsLeft -= 1;
  if (hitsLeft > 0) {
    return;
  }
  if (LOG !== undefined) {
    const file = openSync(LOG, 'a');
    appendFileSync(file, `${name}\n`);
    fsyncSync(file);
    closeSync(file);
  }
  process.kill(process.pid, 'SIGKILL');
}
