import { nameArgument, prepare, runNode } from './bootstrap.mjs';

const { name, args } = nameArgument('bench', ['freshness', 'initial-load', 'read']);
await prepare({ debian: ['servers', 'browser'] });
process.exit(await runNode(`infra/dist/benches/${name}.js`, args));
