import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { ChartBatchRequest, ChartState } from 'sync-contract/gateway-wire';
import { Version, compareVersions } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { verifyManifest, type Manifest, type ManifestEntry } from 'sync-contract/manifest';
import { Signed, statementHash } from 'sync-contract/signed';
import { DataSource, type EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes, uuidBytes } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { GatewayConfig } from '../gateway-config.js';
import { EventPublisher } from './event-publisher.js';
import { GatewayKeys } from './gateway-keys.js';
import { ChartNotAccepted, SectionRefused } from './gateway.problems.js';

/** Bytes of sealed sections in one INSERT: the statement stays well under MariaDB's packet limit. */
const INSERT_BYTES = 4 * 1024 * 1024;
/** Rows in one DELETE. */
const DELETE_ROWS = 500;

interface HeldSection {
  section_id: Buffer;
  era: number;
  seq: number;
  epoch: number;
  sha256: Buffer;
}

interface HeldChart {
  era: number;
  seq: number;
  manifest: string;
  manifest_hash: Buffer;
}

interface NewSection {
  entry: ManifestEntry;
  sealed: Buffer;
}

/** The replica's charts. A chart's rows always are exactly what one signed manifest names: a batch applies whole or not. */
@Injectable()
export class ChartStore {
  private readonly logger = new Logger(ChartStore.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly keys: GatewayKeys,
    private readonly audit: AuditService,
    private readonly events: EventPublisher,
    private readonly config: GatewayConfig,
  ) {}

  async state(patientRef: string): Promise<ChartState> {
    return this.dataSource.transaction(async (manager) => this.stateIn(manager, patientRef));
  }

  /**
   * Applies a batch, or answers with its version when this very manifest is stored already.
   * @throws StatementRefused, SectionRefused, ChartNotAccepted
   */
  async apply(batch: ChartBatchRequest): Promise<Version> {
    const { patientRef } = batch;
    const manifest = verifyManifest(batch.manifest, { site: this.config.siteId, patientRef }, this.keys.signer);
    this.keys.assertBegun(manifest.era);
    const brought = broughtSections(manifest, batch.sections);
    const version = { era: manifest.era, seq: manifest.seq };
    const applied = await settleTransaction(this.dataSource, async (manager) => {
      const isNew = await this.applyIn(manager, batch, manifest, brought);
      await this.settleCopies(manager, patientRef, batch.settles);
      if (isNew) {
        await this.audit.append(manager, {
          action: 'gateway-chart-batch',
          outcome: 'ok',
          actor: 'agent',
          onBehalfOf: patientRef,
          object: `${String(version.era)}.${String(version.seq)}`,
        });
      }
      crashPoint('before-commit:gateway-chart-batch');
      return isNew;
    });
    crashPoint('after-commit:gateway-chart-batch');
    if (applied || batch.settles.length > 0) {
      this.events.publish({ patientRef, kind: 'chart', seq: version.seq });
    }
    return version;
  }

  /** @returns false when the stored manifest is this one */
  private async applyIn(
    manager: EntityManager,
    batch: ChartBatchRequest,
    manifest: Manifest,
    brought: readonly NewSection[],
  ): Promise<boolean> {
    const chart = hexBytes(manifest.patientRef);
    const hash = statementHash(batch.manifest);
    const [held] = await manager.query<HeldChart[]>(
      'SELECT era, seq, manifest, manifest_hash FROM chart WHERE patient_ref = ? FOR UPDATE',
      [chart],
    );
    const sound = held === undefined ? null : this.soundManifest(manifest.patientRef, held);
    if (sound?.hash === hash && isWhole(held, sound)) {
      return false;
    }
    if (sound !== null && sound.hash !== hash && compareVersions(manifest, sound.manifest) <= 0) {
      throw new ChartNotAccepted(await this.stateIn(manager, manifest.patientRef), []);
    }
    const stored = new Map(
      (await this.heldSections(manager, chart)).map((row) => [row.section_id.toString('hex'), row]),
    );
    const missing = missingSections(manifest, brought, stored);
    if (missing.length > 0) {
      throw new ChartNotAccepted(await this.stateIn(manager, manifest.patientRef), missing);
    }
    await manager.query(
      // A first batch inserts and nothing else: of two at once the second collides and begins again behind the first.
      held === undefined
        ? 'INSERT INTO chart (era, seq, manifest, manifest_hash, updated_at, patient_ref) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(3), ?)'
        : 'UPDATE chart SET era = ?, seq = ?, manifest = ?, manifest_hash = ?, updated_at = UTC_TIMESTAMP(3) WHERE patient_ref = ?',
      [manifest.era, manifest.seq, JSON.stringify(batch.manifest), hexBytes(hash), chart],
    );
    const named = new Set(manifest.sections.map((entry) => entry.id));
    await this.deleteSections(
      manager,
      chart,
      [...stored.keys()].filter((id) => !named.has(id)),
    );
    await this.insertSections(manager, chart, brought);
    return true;
  }

  private async stateIn(manager: EntityManager, patientRef: string): Promise<ChartState> {
    const chart = hexBytes(patientRef);
    const [held] = await manager.query<HeldChart[]>(
      'SELECT era, seq, manifest, manifest_hash FROM chart WHERE patient_ref = ?',
      [chart],
    );
    const sound = held === undefined ? null : this.soundManifest(patientRef, held);
    const sections = await this.heldSections(manager, chart);
    return {
      version: sound === null ? null : { era: sound.manifest.era, seq: sound.manifest.seq },
      manifestHash: sound?.hash ?? null,
      sections: sections
        .flatMap((row) => {
          const version = Version.safeParse({ era: row.era, seq: row.seq });
          const [id, sha256] = [row.section_id.toString('hex'), row.sha256.toString('hex')];
          return version.success ? [{ id, version: version.data, sha256 }] : [];
        })
        .slice(0, LIMITS.manifestSections),
    };
  }

  /**
   * What the row's signed manifest says; the columns beside it are only there to be looked up by. A row that was
   * changed counts as none: the agent would take its number for a restore, and nothing newer would be taken here.
   */
  private soundManifest(patientRef: string, held: HeldChart): { manifest: Manifest; hash: string } | null {
    try {
      const signed = Signed.parse(JSON.parse(held.manifest));
      const manifest = verifyManifest(signed, { site: this.config.siteId, patientRef }, this.keys.signer);
      this.keys.assertBegun(manifest.era);
      return { manifest, hash: statementHash(signed) };
    } catch {
      this.logger.error(`the stored manifest of chart ${patientRef} does not verify and counts as none`);
      return null;
    }
  }

  private async heldSections(manager: EntityManager, chart: Buffer): Promise<HeldSection[]> {
    return manager.query<HeldSection[]>(
      'SELECT section_id, era, seq, epoch, sha256 FROM section WHERE patient_ref = ? ORDER BY section_id',
      [chart],
    );
  }

  private async insertSections(manager: EntityManager, chart: Buffer, brought: readonly NewSection[]): Promise<void> {
    for (const rows of inPortions(brought)) {
      await manager.query(
        `INSERT INTO section (patient_ref, section_id, era, seq, epoch, sha256, sealed) VALUES ${rows.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ')}
         ON DUPLICATE KEY UPDATE era = VALUES(era), seq = VALUES(seq), epoch = VALUES(epoch), sha256 = VALUES(sha256),
           sealed = VALUES(sealed)`,
        rows.flatMap(({ entry, sealed }) => [
          chart,
          hexBytes(entry.id),
          entry.version.era,
          entry.version.seq,
          entry.epoch,
          hexBytes(entry.sha256),
          sealed,
        ]),
      );
    }
  }

  private async deleteSections(manager: EntityManager, chart: Buffer, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += DELETE_ROWS) {
      await manager.query('DELETE FROM section WHERE patient_ref = ? AND section_id IN (?)', [
        chart,
        ids.slice(from, from + DELETE_ROWS).map(hexBytes),
      ]);
    }
  }

  /** The chart contains these submissions now; their senders' own copies would show them twice. */
  private async settleCopies(
    manager: EntityManager,
    patientRef: string,
    submissionIds: readonly string[],
  ): Promise<void> {
    if (submissionIds.length > 0) {
      await manager.query('DELETE FROM own_copy WHERE patient_ref = ? AND submission_id IN (?)', [
        hexBytes(patientRef),
        submissionIds.map(uuidBytes),
      ]);
    }
  }
}

/** Whether the columns say what the manifest says. */
function isWhole(held: HeldChart | undefined, { manifest, hash }: { manifest: Manifest; hash: string }): boolean {
  return held?.manifest_hash.toString('hex') === hash && held.era === manifest.era && held.seq === manifest.seq;
}

/** Every section of the batch with its entry in the manifest, checked byte for byte. @throws SectionRefused */
function broughtSections(manifest: Manifest, sections: ChartBatchRequest['sections']): NewSection[] {
  const entries = new Map(manifest.sections.map((entry) => [entry.id, entry]));
  if (entries.size !== manifest.sections.length) {
    throw new SectionRefused('the manifest names a section twice');
  }
  const seen = new Set<string>();
  return sections.map((section) => {
    const entry = entries.get(section.id);
    const sealed = Buffer.from(section.sealed, 'base64');
    if (entry === undefined || seen.has(section.id)) {
      throw new SectionRefused('a section is not named by the manifest, or comes twice');
    }
    seen.add(section.id);
    const sha256 = createHash('sha256').update(sealed).digest('hex');
    if (
      compareVersions(section.version, entry.version) !== 0 ||
      section.epoch !== entry.epoch ||
      sealed.length !== entry.size ||
      sha256 !== entry.sha256
    ) {
      throw new SectionRefused('a section differs from its entry in version, epoch, size or hash');
    }
    return { entry, sealed };
  });
}

/** Ids of entries whose bytes neither come with the batch nor are stored exactly so. */
function missingSections(
  manifest: Manifest,
  brought: readonly NewSection[],
  stored: ReadonlyMap<string, HeldSection>,
): string[] {
  const coming = new Set(brought.map(({ entry }) => entry.id));
  return manifest.sections
    .filter((entry) => {
      const held = stored.get(entry.id);
      return (
        !coming.has(entry.id) &&
        (held === undefined ||
          held.epoch !== entry.epoch ||
          compareVersions(held, entry.version) !== 0 ||
          held.sha256.toString('hex') !== entry.sha256)
      );
    })
    .map((entry) => entry.id);
}

function inPortions(sections: readonly NewSection[]): NewSection[][] {
  const portions: NewSection[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const section of sections) {
    if (bytes + section.sealed.length > INSERT_BYTES) {
      portions.push([]);
      bytes = 0;
    }
    portions.at(-1)?.push(section);
    bytes += section.sealed.length;
  }
  return portions;
}
