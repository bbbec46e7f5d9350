import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const NO_ENUM = { selector: 'TSEnumDeclaration', message: 'Use an `as const` object and its union type.' };
const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name, so that a thing has one name.',
};
const NO_ENVIRONMENT = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Only the config file of a process reads the environment; take the value from there.',
};
const OPENEMR_TABLES = [
  ...['addresses', 'contact', 'contact_address', 'drug_sales', 'drugs', 'facility', 'globals', 'list_options', 'lists'],
  ...['lists_medication', 'onsite_mail', 'patient_access_onsite', 'patient_data', 'patient_history', 'prescriptions'],
  ...['procedure_order', 'procedure_order_code', 'procedure_providers', 'procedure_report', 'procedure_result'],
  ...['procedure_specimen', 'procedure_type', 'users'],
].join('|');
const OPENEMR_SQL = `/\\b(FROM|JOIN|INTO|UPDATE)\\s+\\W?(${OPENEMR_TABLES})\\b/`;
const NO_OPENEMR_SQL = ['Literal[value=PATTERN]', 'TemplateElement[value.raw=PATTERN]'].map((selector) => ({
  selector: selector.replace('PATTERN', OPENEMR_SQL),
  message: 'Only sync-agent/src/openemr/ knows the tables of OpenEMR.',
}));

/** Mistakes that neither the type checker nor prettier sees. */
const CORE_RULES = Object.fromEntries(
  [
    'for-direction',
    'no-async-promise-executor',
    'no-case-declarations',
    'no-compare-neg-zero',
    'no-cond-assign',
    'no-constant-condition',
    'no-debugger',
    'no-dupe-else-if',
    'no-duplicate-case',
    'no-empty',
    'no-ex-assign',
    'no-fallthrough',
    'no-global-assign',
    'no-irregular-whitespace',
    'no-loss-of-precision',
    'no-misleading-character-class',
    'no-prototype-builtins',
    'no-self-assign',
    'no-shadow-restricted-names',
    'no-sparse-arrays',
    'no-unsafe-finally',
    'no-useless-escape',
    'no-var',
    'prefer-const',
    'use-isnan',
    'valid-typeof',
  ].map((rule) => [rule, 'error']),
);

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'coverage/', 'infra/openemr-sim/data/', 'portal-api/data/'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...CORE_RULES,
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': ['error', NO_ENUM, NO_DEFAULT_EXPORT, NO_ENVIRONMENT],
    },
  },
  {
    files: ['**/*.ts', '**/*.svelte'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        // Sources and specs of all Node workspaces in one program: no build is needed, and nothing is checked twice.
        project: ['tsconfig.lint.json', 'portal-web/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
        // The same for all files, or the type checker would be started over and over.
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // A Nest module is a class with nothing but its decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Spreading a text gives its characters, which is what is meant here.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['string'] }],
      // zod and TypeORM give plain objects of a class's shape.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  {
    // Constructor parameters of Nest classes are read at run time from their types: those imports are values.
    files: ['portal-api/**/*.ts', 'sync-agent/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  {
    files: ['sync-agent/src/**/*.ts'],
    ignores: ['sync-agent/src/openemr/**', '**/config.ts', '**/*-config.ts'],
    rules: { 'no-restricted-syntax': ['error', NO_ENUM, NO_DEFAULT_EXPORT, NO_ENVIRONMENT, ...NO_OPENEMR_SQL] },
  },
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { globals: globals.browser, parserOptions: { parser: tseslint.parser } },
    rules: { 'svelte/no-at-html-tags': 'error' },
  },
  {
    // svelte-check holds the types of components; the rules on types do not see through their templates.
    files: ['**/*.svelte'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { 'prefer-const': 'off', 'svelte/prefer-const': 'error' },
  },
  {
    // jest's matchers for a part of a value are typed `any`.
    files: ['**/*.spec.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off' },
  },
  {
    files: ['**/config.ts', '**/*-config.ts', '**/*.config.{ts,mjs,js}', '.dependency-cruiser.cjs'],
    rules: { 'no-restricted-syntax': ['error', NO_ENUM] },
  },
  {
    // Entry scripts start before there is anything compiled: plain JavaScript, their own environment.
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: { globals: globals.node },
    rules: { 'no-restricted-syntax': ['error', NO_ENUM], 'no-undef': 'error', 'no-unused-vars': 'error' },
  },
);
