import { prepare, runNode } from './bootstrap.mjs';

const args = process.argv.slice(2);
await prepare({ debian: args.includes('--check') ? ['servers', 'browser'] : ['servers'] });
process.exit(await runNode('infra/dist/demo/demo.js', args));
