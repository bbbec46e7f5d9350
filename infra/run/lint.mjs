import { prepare, say, runNode } from './bootstrap.mjs';
import { LINT_STEPS } from './lint-steps.mjs';

// Compiled first: the rules on types read the declarations of the other workspaces.
await prepare({ build: true });
for (const [title, script, args] of LINT_STEPS) {
  say(`── ${title}`);
  const code = await runNode(script, args);
  if (code !== 0) {
    process.exit(code);
  }
}
