/** The checks that need no service, in the order in which they fail fastest. */
export const LINT_STEPS = [
  ['formatting (prettier)', 'node_modules/prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']],
  [
    'import rules (dependency-cruiser)',
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    ['--config', '.dependency-cruiser.cjs', 'sync-contract', 'portal-api', 'portal-web', 'sync-agent', 'infra'],
  ],
  ['eslint', 'node_modules/eslint/bin/eslint.js', ['--max-warnings', '0', '.']],
];

export const TYPE_STEPS = [
  ['types of the tests (tsc)', 'node_modules/typescript/bin/tsc', ['-p', 'tsconfig.test.json']],
  [
    'types of the web app (svelte-check)',
    'node_modules/svelte-check/bin/svelte-check',
    ['--workspace', 'portal-web', '--tsconfig', './tsconfig.json', '--fail-on-warnings', '--output', 'human'],
  ],
];
