/** One configuration for every workspace: ESM, compiled by swc; imports between workspaces go to their sources. */
export default {
  testEnvironment: 'node',
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
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
