/** One configuration for every workspace: ESM, compiled by swc; imports between workspaces go to their sources. */
const shared = {
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
  moduleNameMapper: {
    '^sync-contract/(.*)$': '<rootDir>/sync-contract/src/$1.ts',
    '^(portal-api|sync-agent)/src/(.*)$': '<rootDir>/$1/src/$2.ts',
    '^infra/(.*)$': '<rootDir>/infra/$1.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
};

const ON_SERVICES = '\\.(int|e2e)\\.spec\\.ts$';
const IN_BROWSER = '\\.browser\\.spec\\.ts$';

/** Guards against hanging and measures nothing: a test may wait for several conditions, each with a minute of patience. */
export default {
  testTimeout: 180_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '/dist/', ON_SERVICES, IN_BROWSER],
    },
    {
      ...shared,
      displayName: 'integration',
      testRegex: [ON_SERVICES],
      testPathIgnorePatterns: ['/node_modules/', '/dist/'],
      globalSetup: '<rootDir>/infra/test/global-setup.mjs',
      globalTeardown: '<rootDir>/infra/test/global-teardown.mjs',
    },
    {
      ...shared,
      displayName: 'browser',
      testRegex: [IN_BROWSER],
      testPathIgnorePatterns: ['/node_modules/', '/dist/'],
    },
  ],
};
