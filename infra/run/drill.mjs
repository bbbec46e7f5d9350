import { nameArgument, prepare, runNode } from './bootstrap.mjs';

const { name, args } = nameArgument('drill', ['stolen-dmz', 'crash', 'restore', 'tamper']);
await prepare({ debian: ['servers'] });
process.exit(await runNode(`infra/dist/drills/${name}.js`, args));
