/**
 * Flags of every process of the product: no signal opens the inspector, and no report of the process's memory or
 * environment is written, whatever happens to it.
 */
export const NODE_FLAGS = [
  '--enable-source-maps',
  '--disable-sigusr1',
  '--no-report-on-fatalerror',
  '--no-report-on-signal',
  '--no-report-uncaught-exception',
] as const;
