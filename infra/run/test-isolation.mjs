import { prepare, runNode } from './bootstrap.mjs';

await prepare({ debian: ['servers', 'networks'] });
process.exit(await runNode('infra/dist/isolation/isolation.js', process.argv.slice(2)));
