import type { DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { BEGIN_AN_ERA, standStill } from '../ledger/stand-still.js';

const CHART_AHEAD =
  'the DMZ holds a newer version of this chart than the ledger ever made, as after a restore of the ledger from a ' +
  'backup. Nothing of it is sent until a new era begins: stop the agent and run `sync-agent restore`';
const HEARTBEAT_AHEAD = `the ledger is behind the DMZ, which holds a newer heartbeat than the ledger ever made: the ledger was restored from a backup. ${BEGIN_AN_ERA}`;

/** The gateway holds a newer manifest than this ledger ever attempted: the ledger, or OpenEMR with it, was restored. */
export class ReplicaAhead extends Error {
  readonly code = 'replica-ahead';
  readonly logLevel = 'error';
  constructor() {
    super(CHART_AHEAD);
  }
}

/** The same of the heartbeat; the whole agent stands still then. */
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
  await standStill(ledger, HEARTBEAT_AHEAD);
  throw new HeartbeatAhead();
}
