/**
 * `npm test`: every check there is. `npm test -- <part> [<part> …]` runs some: lint, types, unit, integration, browser,
 * demo, isolation, drills. Parts go on after a failure, so that one run tells everything; the exit code is 0 only when all passed.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, refuse, runNode, say } from './bootstrap.mjs';
import { LINT_STEPS, TYPE_STEPS } from './lint-steps.mjs';

const jest = (project, ...args) => [
  `tests: ${project}`,
  'node_modules/jest/bin/jest.js',
  ['--selectProjects', project, ...args],
  { nodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'] },
];

const PARTS = {
  lint: LINT_STEPS,
  types: TYPE_STEPS,
  unit: [jest('unit')],
  // Suites wait for servers and processes as much as they compute: three at a time keep two cores busy.
  integration: [jest('integration', '--maxWorkers=3')],
  browser: [jest('browser', '--runInBand')],
  demo: [['demo: round trip in a browser', 'infra/dist/demo/demo.js', ['--check', ...placeOfItsOwn()]]],
  isolation: [
    ['isolation: the boundary in network namespaces', 'infra/dist/isolation/isolation.js', []],
    [
      'demo: round trip through nginx and the firewall',
      'infra/dist/demo/demo.js',
      ['--check', '--isolated', ...placeOfItsOwn()],
    ],
  ],
  drills: [
    ['drill: stolen DMZ, short', 'infra/dist/drills/stolen-dmz.js', ['--short']],
    ['drill: crash, short', 'infra/dist/drills/crash.js', ['--short']],
    ['drill: restore, short', 'infra/dist/drills/restore.js', ['--short']],
    ['drill: tamper, short', 'infra/dist/drills/tamper.js', ['--short']],
  ],
};

/** Run at the same time: they share no server, and the first mostly waits for answers that must not come. */
const BESIDE_EACH_OTHER = [[PARTS.isolation[0]], [...PARTS.lint, ...PARTS.types], PARTS.unit];

/** A data folder that goes with the process, and ports that are unlikely to be anybody's. */
function placeOfItsOwn() {
  const folder = mkdtempSync(join(tmpdir(), 'odp-demo-'));
  chmodSync(folder, 0o711);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const port = 20_000 + (process.pid % 10_000);
  return ['--data-dir', folder, '--port', String(port), '--gateway-port', String(port + 1)];
}

const asked = process.argv.slice(2);
const unknown = asked.find((part) => !(part in PARTS));
if (unknown !== undefined) {
  refuse(`There is no part "${unknown}"; the parts are: ${Object.keys(PARTS).join(', ')}`, 2);
}
const parts = asked.length > 0 ? asked : Object.keys(PARTS);

await prepare({ debian: ['servers', 'browser', 'networks', 'description'] });
const results = [];

async function run(steps) {
  for (const [title, script, args, options] of steps) {
    say(`\n── ${title}`);
    const started = Date.now();
    const code = await runNode(script, args, options);
    results.push({ title, passed: code === 0, seconds: Math.round((Date.now() - started) / 1000) });
  }
}

const steps = parts.flatMap((part) => PARTS[part]);
await Promise.all(BESIDE_EACH_OTHER.map((lane) => run(steps.filter((step) => lane.includes(step)))));
await run(steps.filter((step) => !BESIDE_EACH_OTHER.flat().includes(step)));
const failed = results.filter(({ passed }) => !passed);
say('');
for (const { title, passed, seconds } of results) {
  say(`${passed ? 'passed' : 'FAILED'}  ${title} (${seconds} s)`);
}
say(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
