import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { compareVersions } from 'sync-contract/identifiers';
import { verifyManifest, type Manifest, type ManifestEntry } from 'sync-contract/manifest';
import { Signed, StatementRefused, statementHash } from 'sync-contract/signed';
import { PortalConfig } from '../config.js';
import { hexBytes } from '../database/hex-column.js';
import { KeyringService } from '../keys/keyring.service.js';
import type { ChartHeartbeat } from './heartbeat-watch.js';
import { ReplicaUnverified } from './chart.problems.js';

export interface VerifiedManifest {
  hash: string;
  era: number;
  seq: number;
  madeAt: string;
  /** by the DMZ's clock, ms; nobody has signed it */
  receivedAt: number;
  frozen: boolean;
  entries: Map<string, ManifestEntry>;
}

interface ManifestRow {
  manifest: string;
  receivedAt: number | string;
}

/** Charts whose manifests are remembered. The one served longest ago goes first. */
const REMEMBERED = 2_000;
const HIGHEST_REMEMBERED = 100_000;

/**
 * Verified manifests, remembered by their hash, and per chart the highest one served: what was shown once is never
 * replaced by something older, whatever the database says.
 */
@Injectable()
export class ManifestWatch {
  private readonly byHash = new Map<string, VerifiedManifest>();
  private readonly highest = new Map<string, { era: number; seq: number; hash: string }>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly keyring: KeyringService,
    private readonly config: PortalConfig,
  ) {}

  /**
   * The manifest the database names, after its signature was verified once.
   * @throws ReplicaUnverified also when the database holds another one by now
   */
  async named(patientRef: string, hash: string): Promise<VerifiedManifest> {
    const memo = `${patientRef}|${hash}`;
    const known = this.byHash.get(memo);
    if (known !== undefined) {
      this.byHash.delete(memo);
      this.byHash.set(memo, known);
      return known;
    }
    const [row] = await this.dataSource.query<ManifestRow[]>(
      `SELECT manifest, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', updated_at) / 1000 AS receivedAt
         FROM chart WHERE patient_ref = ?`,
      [hexBytes(patientRef)],
    );
    const manifest = row === undefined ? null : await this.verify(patientRef, row);
    if (manifest?.hash !== hash) {
      throw new ReplicaUnverified('the manifest does not have the hash it is stored under');
    }
    this.byHash.set(memo, manifest);
    forgetOldest(this.byHash, REMEMBERED);
    return manifest;
  }

  /**
   * Refuses a manifest older than the heartbeat's entry or than one served before; a newer one is remembered.
   * @throws ReplicaUnverified
   */
  assertNotOlder(patientRef: string, manifest: VerifiedManifest, { leaf }: ChartHeartbeat): void {
    if (leaf !== null && isOlder(manifest, { ...leaf, hash: leaf.manifestHash })) {
      throw new ReplicaUnverified('the manifest is not the one of the heartbeat');
    }
    const highest = this.highest.get(patientRef);
    if (highest !== undefined && isOlder(manifest, highest)) {
      throw new ReplicaUnverified('the manifest is older than one seen before');
    }
    this.highest.delete(patientRef);
    this.highest.set(patientRef, { era: manifest.era, seq: manifest.seq, hash: manifest.hash });
    forgetOldest(this.highest, HIGHEST_REMEMBERED);
  }

  private async verify(patientRef: string, row: ManifestRow): Promise<VerifiedManifest> {
    try {
      const signed = Signed.parse(JSON.parse(row.manifest));
      await this.keyring.know(signed.kid);
      const manifest: Manifest = verifyManifest(signed, { site: this.config.siteId, patientRef }, this.keyring.signer);
      await this.keyring.assertBegun(manifest.era);
      return {
        hash: statementHash(signed),
        era: manifest.era,
        seq: manifest.seq,
        madeAt: manifest.asOf,
        receivedAt: Number(row.receivedAt),
        frozen: manifest.frozen === true,
        entries: new Map(manifest.sections.map((entry) => [entry.id, entry])),
      };
    } catch (error: unknown) {
      throw new ReplicaUnverified(error instanceof StatementRefused ? error.message : 'the manifest has another shape');
    }
  }
}

/** Also when both claim one place in the order and are not the same. */
function isOlder(manifest: VerifiedManifest, than: { era: number; seq: number; hash: string }): boolean {
  const order = compareVersions(manifest, than);
  return order < 0 || (order === 0 && manifest.hash !== than.hash);
}

function forgetOldest<Value>(map: Map<string, Value>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) {
      return;
    }
    map.delete(key);
  }
}
