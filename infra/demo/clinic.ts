import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { z } from 'zod';
import { defaultDataDir } from '../services/data-folder.js';
import { repositoryRoot } from './program.js';
import { clinicFile } from './system.js';

/** `npm run clinic -- [--data-dir <folder>] <command>`: the simulator's command line against the running demo. */
const args = process.argv.slice(2);
const place = args.indexOf('--data-dir');
const [, folder] = place < 0 ? [] : args.splice(place, 2);
const file = clinicFile(resolve(folder ?? defaultDataDir()));
/** How to use it can be read without a demo. */
const asksForHelp = args.length === 0 || args.some((arg) => ['--help', '-h', 'help'].includes(arg));

if (existsSync(file) || asksForHelp) {
  const env = asksForHelp ? {} : z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(file, 'utf8')));
  spawn(process.execPath, [join(repositoryRoot(), 'infra/dist/openemr-sim/clinic.main.js'), ...args], {
    stdio: 'inherit',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
  }).once('exit', (code) => {
    process.exit(code ?? 1);
  });
} else {
  process.stderr.write('No demo has been started on this data folder; start one with: npm run demo\n');
  process.exit(2);
}
