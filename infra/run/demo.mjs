import { prepare, runNode } from './bootstrap.mjs';

const args = process.argv.slice(2);
await prepare({
  debian: [
    'servers',
    ...(args.includes('--check') ? ['browser'] : []),
    ...(args.includes('--isolated') ? ['networks'] : []),
  ],
});
process.exit(await runNode('infra/dist/demo/demo.js', args));
