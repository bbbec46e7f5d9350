import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SealBroken } from 'sync-contract/aead';
import { chartAsOf, sectionAsOf, type HeldTimes } from 'sync-contract/claimed-time';
import { RECORD_CLASSES, RecordClass, classOfSection } from 'sync-contract/classes';
import { matchesEntry, type ManifestEntry } from 'sync-contract/manifest';
import { decompress, openSection, sectionId } from 'sync-contract/section';
import { PortalConfig } from '../config.js';
import type { ChartAccess } from '../sessions/session.js';
import { ChartNotReady, ReplicaUnverified, SectionNotFound } from './chart.problems.js';
import { queryChart, type AccountLook, type StoredChart } from './chart-query.js';
import { HeartbeatWatch } from './heartbeat-watch.js';
import { ManifestWatch, type VerifiedManifest } from './manifest-watch.js';
import { openUnverified } from './unverified-section.js';

/** A section after every check, still brotli-compressed. */
export interface OpenedSection {
  sectionId: string;
  compressed: Buffer;
  /** the section's T: the later of its own and its chart's, an instant; null when none is known */
  asOf: string | null;
  version: { era: number; seq: number };
}

export interface ChartStanding {
  /** of every section; one alone may be later. Null when none is known, and while no chart has come */
  currentAsOf: string | null;
  manifest: { era: number; seq: number } | null;
  frozen: boolean;
  sections: string[];
}

/** Makes the account's grants part of a look; `accept` throws when they are not what the caller relies on. */
export interface GrantsLook extends AccountLook {
  accept: (stored: StoredChart) => void;
}

interface Look {
  manifest: VerifiedManifest;
  sealed: StoredChart['sealed'];
  t: string | null;
}

const LOOKS = 3;

/**
 * Reads charts out of the replica. Served is only what the inside signed: the manifest verifies and is not older than
 * the heartbeat's entry or than what was served before, the sealed bytes are the ones it names, and they open under
 * this chart's key with this place, version and epoch.
 */
@Injectable()
export class ChartReader {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
    private readonly heartbeats: HeartbeatWatch,
    private readonly manifests: ManifestWatch,
  ) {}

  /**
   * @param grants accepted before anything is opened
   * @throws SectionNotFound, ChartNotReady, ReplicaUnverified
   */
  async open(chart: ChartAccess, name: string, grants: GrantsLook | null = null): Promise<OpenedSection> {
    const candidates = this.candidates(chart, name);
    if (this.config.verificationOff === true) {
      return openUnverified(this.dataSource, this.config.siteId, chart, candidates);
    }
    const found = await this.look(chart, [...candidates.keys()], grants);
    const entry = [...candidates.keys()].map((id) => found.manifest.entries.get(id)).find((each) => each !== undefined);
    if (entry === undefined) {
      throw new SectionNotFound();
    }
    const classKey = candidates.get(entry.id);
    const sealed = found.sealed.get(entry.id);
    if (classKey === undefined || sealed === undefined || !matchesEntry(entry, sealed)) {
      throw new ReplicaUnverified('a section is not the one of the manifest');
    }
    return {
      sectionId: entry.id,
      compressed: this.openSealed(chart.patientRef, classKey, entry, sealed),
      asOf: sectionAsOf(entry, timesOf(found)),
      version: entry.version,
    };
  }

  /** A section's JSON, parsed; the caller validates it. @throws as `open` */
  async readJson(chart: ChartAccess, name: string): Promise<unknown> {
    const { compressed } = await this.open(chart, name);
    return JSON.parse(decompress(compressed).toString('utf8'));
  }

  /** @throws ReplicaUnverified */
  async standing(chart: ChartAccess): Promise<ChartStanding> {
    try {
      const found = await this.look(chart, [], null);
      const { manifest } = found;
      return {
        currentAsOf: chartAsOf(manifest.entries.values(), timesOf(found)),
        manifest: { era: manifest.era, seq: manifest.seq },
        frozen: manifest.frozen,
        sections: RECORD_CLASSES.filter((name) =>
          [...this.candidates(chart, name).keys()].some((id) => manifest.entries.has(id)),
        ),
      };
    } catch (error: unknown) {
      if (error instanceof ChartNotReady) {
        return { currentAsOf: null, manifest: null, frozen: false, sections: [] };
      }
      throw error;
    }
  }

  /** Section ids under which the name may be stored, newest epoch first, with the key of each. */
  private candidates(chart: ChartAccess, name: string): Map<string, Buffer> {
    const keys = chart.classKeys(RecordClass.parse(classOfSection(name)));
    return new Map(keys.map((key) => [sectionId(key, name), key]));
  }

  /**
   * Looks again before it says that something is wrong: between two reads a batch may have been applied, or another
   * request may have seen a newer state.
   */
  private async look(chart: ChartAccess, ids: readonly string[], grants: GrantsLook | null): Promise<Look> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.lookOnce(chart, ids, grants);
      } catch (error: unknown) {
        if (attempt === LOOKS || !(error instanceof ReplicaUnverified)) {
          throw error;
        }
      }
    }
  }

  private async lookOnce(
    { patientRef }: ChartAccess,
    ids: readonly string[],
    grants: GrantsLook | null,
  ): Promise<Look> {
    const stored = await queryChart(this.dataSource, patientRef, ids, grants);
    grants?.accept(stored);
    const { manifestHash, sealed } = stored;
    const heartbeat = await this.heartbeats.ofChart(patientRef, stored.heartbeat);
    if (manifestHash === null) {
      if (heartbeat.leaf !== null) {
        throw new ReplicaUnverified('the chart of a heartbeat is gone');
      }
      throw new ChartNotReady();
    }
    const manifest = await this.manifests.named(patientRef, manifestHash);
    this.manifests.assertNotOlder(patientRef, manifest, heartbeat);
    return { manifest, sealed, t: heartbeat.t };
  }

  private openSealed(patientRef: string, classKey: Buffer, entry: ManifestEntry, sealed: Buffer): Buffer {
    const { id, version, epoch } = entry;
    try {
      return openSection(classKey, { site: this.config.siteId, patientRef, sectionId: id, version, epoch }, sealed);
    } catch (error: unknown) {
      if (error instanceof SealBroken) {
        throw new ReplicaUnverified('a section does not open');
      }
      throw error;
    }
  }
}

function timesOf({ manifest: { madeAt, receivedAt }, t }: Look): HeldTimes {
  return { madeAt, receivedAt, t, now: Date.now() };
}
