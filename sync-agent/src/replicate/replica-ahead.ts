import type { DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';

const NEEDS_RESTORE =
  'as after a restore of the ledger from a backup. Nothing of it is sent until a new era begins; the restore command, ' +
  'which begins it, is not supported yet';
const CHART_AHEAD = `the DMZ holds a newer version of this chart than the ledger ever made, ${NEEDS_RESTORE}`;
const HEARTBEAT_AHEAD = `the DMZ holds a newer heartbeat than the ledger ever made, ${NEEDS_RESTORE}`;

/** The gateway holds a newer manifest than this ledger ever attempted: the ledger, or OpenEMR with it, was restored. */
export class ReplicaAhead extends Error {
  readonly code = 'replica-ahead';
  readonly logLevel = 'error';
  constructor() {
    super(CHART_AHEAD);
  }
}

/** The same of the heartbeat. */
export class HeartbeatAhead extends Error {
  readonly code = 'heartbeat-ahead';
  readonly logLevel = 'error';
  constructor() {
    super(HEARTBEAT_AHEAD);
  }
}

/** For good: no retry, restart or answer of the gateway undoes it. @throws ReplicaAhead */
export async function stopChart(ledger: DataSource, patientRef: string): Promise<never> {
  crashPoint('before-commit:chart-stopped');
  await ledger.query('UPDATE chart SET stopped_reason = ? WHERE patient_ref = UNHEX(?)', [CHART_AHEAD, patientRef]);
  crashPoint('after-commit:chart-stopped');
  throw new ReplicaAhead();
}

/** For good. @throws HeartbeatAhead */
export async function stopHeartbeats(ledger: DataSource): Promise<never> {
  crashPoint('before-commit:heartbeat-stopped');
  await ledger.query('UPDATE heartbeat_state SET stopped_reason = ? WHERE id = 1', [HEARTBEAT_AHEAD]);
  crashPoint('after-commit:heartbeat-stopped');
  throw new HeartbeatAhead();
}
