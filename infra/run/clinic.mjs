import { prepare, runNode } from './bootstrap.mjs';

await prepare();
process.exit(await runNode('infra/dist/demo/clinic.js', process.argv.slice(2)));
