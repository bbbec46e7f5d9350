import type { DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { dropBlobs } from './owe-blobs.js';
import { isCatchingUp } from './read-ledger.js';

/** Rows without a place inside that are removed in one run; a flood of them takes several. */
const REMOVED_AT_ONCE = 1_000;
/** More than go at once, so that those that are left are known when it is their turn. */
const REMEMBERED = 10_000;
const REVOKED_IN_A_CALL = 100;

/**
 * What the last comparison that came to its end found superfluous, so that the next one may remove it. In memory only: an
 * agent that starts looks twice before it takes anything away.
 */
export interface Suspects {
  charts: ReadonlySet<string>;
  grantIds: ReadonlySet<string>;
  blobIds: ReadonlySet<string>;
}

export function noSuspects(): Suspects {
  return { charts: new Set(), grantIds: new Set(), blobIds: new Set() };
}

interface RemovedWith {
  ledger: DataSource;
  gateway: Pick<GatewayClient, 'sendRevocations' | 'sendBlobDrop'>;
  suspects: Suspects;
}

/** What lies in the DMZ and belongs to nobody: the rows of a backup, or of somebody who wrote into the database. */
export class Superfluous {
  blobsFound = 0;
  private charts: string[] = [];
  private grantIds: string[] = [];
  private blobIds: string[] = [];

  addCharts(refs: readonly string[]): void {
    this.charts = [...this.charts, ...refs].slice(0, REMEMBERED);
  }

  addGrants(ids: readonly string[]): void {
    this.grantIds = [...this.grantIds, ...ids].slice(0, REMEMBERED);
  }

  addBlobs(ids: readonly string[]): void {
    this.blobsFound += ids.length;
    this.blobIds = [...this.blobIds, ...ids].slice(0, REMEMBERED);
  }

  /**
   * What is found for the second time in a row goes, the rest is under suspicion from here on. Nothing of it while the
   * ledger is still learning what it once knew.
   */
  async remove({ ledger, gateway, suspects }: RemovedWith): Promise<void> {
    const found = {
      charts: new Set(this.charts),
      grantIds: new Set(this.grantIds),
      blobIds: new Set(this.blobIds),
    };
    if (found.charts.size + found.grantIds.size + found.blobIds.size > 0 && (await isCatchingUp(ledger.manager))) {
      Object.assign(suspects, noSuspects());
      return;
    }
    const charts = this.charts.filter((ref) => suspects.charts.has(ref)).slice(0, REMOVED_AT_ONCE);
    const grantIds = this.grantIds.filter((id) => suspects.grantIds.has(id)).slice(0, REMOVED_AT_ONCE);
    for (let from = 0; from < Math.max(charts.length, grantIds.length); from += REVOKED_IN_A_CALL) {
      await gateway.sendRevocations({
        charts: charts.slice(from, from + REVOKED_IN_A_CALL),
        grantIds: grantIds.slice(from, from + REVOKED_IN_A_CALL),
      });
      crashPoint('after-push:superfluous');
    }
    const blobIds = this.blobIds.filter((id) => suspects.blobIds.has(id)).slice(0, REMOVED_AT_ONCE);
    await dropBlobs(gateway, blobIds);
    Object.assign(suspects, found);
  }
}
