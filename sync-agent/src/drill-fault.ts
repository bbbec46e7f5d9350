import { drillFaultSetting } from './config.js';

/**
 * Protections that a drill may switch off, each to show that the drill would notice: acknowledging before the ledger
 * has committed, writing OpenEMR outside the ledger's transaction, replicating without sealing.
 */
export type DrillFault = 'ack-before-commit' | 'openemr-outside-transaction' | 'sealing-off';

/** Whether this process runs as a drill's control without that protection. Never so outside a drill. */
export function drillFault(fault: DrillFault): boolean {
  return drillFaultSetting() === fault;
}
