import { prepare, runNode } from './bootstrap.mjs';

const args = process.argv.slice(2);
// Only root can make the networks of the isolation proof; for others the folder says so.
const withNetworks = process.getuid?.() === 0 && !['--without-drills', '--review'].some((name) => args.includes(name));
await prepare({ debian: args.includes('--review') ? [] : withNetworks ? ['servers', 'networks'] : ['servers'] });
process.exit(await runNode('infra/dist/evidence/evidence.js', args));
