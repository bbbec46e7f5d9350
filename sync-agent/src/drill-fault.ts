import { drillFaultSetting, type DrillFault } from './config.js';

/** Whether this process runs as a drill's control without that protection. Never so outside a drill. */
export function drillFault(fault: DrillFault): boolean {
  return drillFaultSetting() === fault;
}
