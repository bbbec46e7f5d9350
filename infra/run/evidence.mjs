import { prepare, runNode } from './bootstrap.mjs';

await prepare({ debian: ['servers'] });
process.exit(await runNode('infra/dist/evidence/evidence.js', process.argv.slice(2)));
