/**
 * Who may import whom. Each rule's comment is what a person reads when it fails.
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that import each other are one file; find what both need and let them import that.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages',
      comment: 'A workspace names in its own package.json what it imports.',
      severity: 'error',
      from: { pathNot: '\\.spec\\.ts$|/test/|^infra/|\\.config\\.' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'programs-meet-in-sync-contract',
      comment:
        'portal-api and sync-agent are different programs in different zones; what both must know stands in sync-contract.',
      severity: 'error',
      from: { path: '^(portal-api|portal-web|sync-agent)/src/' },
      to: { path: '^(portal-api|portal-web|sync-agent)/', pathNot: ['^$1/', '^portal-api/src/http\\.ts$'] },
    },
    {
      name: 'only-the-browser-takes-http-types',
      comment: 'portal-api/src/http.ts is there for the web app.',
      severity: 'error',
      from: { path: '^sync-agent/' },
      to: { path: '^portal-api/src/http\\.ts$' },
    },
    {
      name: 'contract-stands-alone',
      comment: 'sync-contract is what the two sides agree on; it depends on neither and on no infrastructure.',
      severity: 'error',
      from: { path: '^sync-contract/' },
      to: { path: '^(portal-api|portal-web|sync-agent|infra)/' },
    },
    {
      name: 'browser-takes-only-types',
      comment:
        'The web app is static files: from portal-api it takes types, from http.ts, and no code; from the rest nothing.',
      severity: 'error',
      from: { path: '^portal-web/src/' },
      to: { path: '^portal-api/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'browser-has-no-server-code',
      comment: 'Nothing of the contract, the agent or the infrastructure, and no Node built-in, belongs in a browser.',
      severity: 'error',
      from: { path: '^portal-web/src/' },
      to: { path: '^(sync-contract|sync-agent|infra)/|^(node:|fs$|path$|crypto$)' },
    },
    {
      name: 'http-types-stand-alone',
      comment: 'What the browser sees of portal-api is types without any dependency.',
      severity: 'error',
      from: { path: '^portal-api/src/http\\.ts$' },
      to: {},
    },
    {
      name: 'features-do-not-reach-into-features',
      comment:
        'A feature of portal-api uses the folders that are there for all (database, redis, log, metrics, audit, sessions, problems, json, keys, replica, doorbell, events, submissions, credentials, throttle) and its own files, never another feature.',
      severity: 'error',
      from: { path: '^portal-api/src/(access-history|accounts|auth|charts|documents|gateway|health|practice|web)/' },
      to: {
        path: '^portal-api/src/(access-history|accounts|auth|charts|documents|gateway|health|practice|web)/',
        pathNot: '^portal-api/src/$1/',
      },
    },
    {
      name: 'shared-folders-know-no-feature',
      comment: 'What all features of portal-api use does not depend on any of them.',
      severity: 'error',
      from: {
        path: '^portal-api/src/(audit|credentials|database|doorbell|events|json|keys|log|metrics|problems|redis|replica|sessions|submissions|throttle)/',
        pathNot: '^portal-api/src/database/(data-source|entities|migrations)\\.ts$',
      },
      to: { path: '^portal-api/src/(access-history|accounts|auth|charts|documents|gateway|health|practice|web)/' },
    },
    {
      name: 'collect-deliver-replicate-stay-apart',
      comment: 'Collecting, delivering, fetching and replicating meet in the ledger only.',
      severity: 'error',
      from: { path: '^sync-agent/src/(collect|deliver|fetch|replicate)/' },
      to: { path: '^sync-agent/src/(collect|deliver|fetch|replicate)/', pathNot: '^sync-agent/src/$1/' },
    },
    {
      name: 'renderers-are-pure',
      comment: 'chart/ turns rows into sections and talks to nobody: no database, no queue, no framework.',
      severity: 'error',
      from: { path: '^sync-agent/src/chart/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: 'node_modules/(mysql2|typeorm|ioredis|bullmq|@nestjs|undici)/|^(node:)?(fs|net|http|https|child_process)$',
      },
    },
    {
      name: 'no-tests-from-sources',
      comment: 'Tests know the sources, never the other way round.',
      severity: 'error',
      from: { path: '^(sync-contract|portal-api|portal-web|sync-agent|infra)/', pathNot: '\\.spec\\.ts$|/test/' },
      to: { path: '\\.spec\\.ts$|^(sync-contract|portal-api|portal-web|sync-agent|infra)/test/' },
    },
    {
      name: 'programs-know-no-infrastructure',
      comment: 'infra starts and tests the programs; the programs run without it.',
      severity: 'error',
      from: { path: '^(sync-contract|portal-api|portal-web|sync-agent)/', pathNot: '\\.spec\\.ts$|/test/' },
      to: { path: '^infra/' },
    },
    {
      name: 'infrastructure-starts-programs-as-processes',
      comment:
        'infra imports the contract only and starts the programs as processes. Drills may use the code that they attack, evidence the code that it describes.',
      severity: 'error',
      from: { path: '^infra/', pathNot: '^infra/(drills|benches|evidence|test)/' },
      to: { path: '^(portal-api|portal-web|sync-agent)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|^infra/openemr-sim/data/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.lint.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types', 'svelte', 'browser'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.svelte', '.json'],
    },
    skipAnalysisNotInRules: true,
  },
};
