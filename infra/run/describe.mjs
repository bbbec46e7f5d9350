/** `npm run describe`: writes the compose files, units, settings and host rules anew from their sources. */
import { prepare, runNode } from './bootstrap.mjs';

await prepare();
process.exit(await runNode('infra/dist/production/describe.main.js'));
