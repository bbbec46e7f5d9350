import { Injectable } from '@nestjs/common';
import type {
  ChartHolding,
  GrantHoldingsAnswer,
  HoldingsAnswer,
  MissingAnswer,
  SectionHolding,
} from 'sync-contract/gateway-wire';
import { SubmissionId } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { DataSource, type EntityManager } from 'typeorm';
import { hexBytes, uuidText } from '../database/hex-column.js';

interface ManifestRow {
  ref: string;
  era: number;
  seq: number;
  hash: string;
  text: string;
}

interface SectionRow extends Omit<SectionHolding, 'named' | 'size'> {
  ref: string;
  size: number | string;
  stored: string;
}

const BEFORE_ALL = '';
const PRINTED = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%d %H:%i:%s.%f')`;

/**
 * What lies in the replica's tables, as it lies there, for the agent's comparison. The database computes the hashes
 * from the stored bytes, which never leave it for this.
 */
@Injectable()
export class Holdings {
  constructor(private readonly dataSource: DataSource) {}

  /** Charts behind `after`, each with all its rows in one consistent look. */
  async charts(after: string | null): Promise<HoldingsAnswer> {
    return this.dataSource.transaction('REPEATABLE READ', async (manager) => {
      const refs = await chartRefs(manager, after);
      const page = refs.slice(0, LIMITS.holdingCharts);
      const sections = await sectionsOf(manager, page);
      const whole = wholeCharts(page, sections);
      const manifests = await manifestsOf(manager, whole);
      return {
        charts: whole.map((ref) => chartHolding(ref, manifests.get(ref), sections.get(ref) ?? [])),
        more: refs.length > whole.length,
      };
    });
  }

  async grants(after: string | null): Promise<GrantHoldingsAnswer> {
    const grants = await this.dataSource.query<GrantHoldingsAnswer['grants']>(
      `SELECT LOWER(HEX(grant_id)) AS grantId, LOWER(HEX(account_ref)) AS accountRef,
              LOWER(HEX(patient_ref)) AS patientRef, epoch, ${PRINTED('starts_at')} AS startsAt,
              ${PRINTED('ends_at')} AS endsAt, SHA2(signed, 256) AS text
         FROM chart_grant WHERE grant_id > ? ORDER BY grant_id LIMIT ?`,
      [hexBytes(after ?? BEFORE_ALL), LIMITS.holdingGrants + 1],
    );
    return { grants: grants.slice(0, LIMITS.holdingGrants), more: grants.length > LIMITS.holdingGrants };
  }

  /** @param after the stream behind which the page begins */
  async missing(after: string | null): Promise<MissingAnswer> {
    const streams = await this.dataSource.query<{ stream: string; seq: number | string }[]>(
      `SELECT LOWER(HEX(s.stream)) AS stream, s.next_seq - 1 AS seq FROM stream s
         LEFT JOIN outbox o ON o.stream = s.stream AND o.stream_seq = s.next_seq - 1
        WHERE s.stream > ? AND s.next_seq > 1 AND o.submission_id IS NULL ORDER BY s.stream LIMIT ?`,
      [hexBytes(after ?? BEFORE_ALL), LIMITS.streams + 1],
    );
    return {
      submissions: after === null ? await missingSubmissions(this.dataSource) : [],
      streams: streams.slice(0, LIMITS.streams).map(({ stream, seq }) => ({ stream, seq: Number(seq) })),
      more: streams.length > LIMITS.streams,
    };
  }
}

/** Entries of the audit log that are looked through: those of hours. */
const AUDIT_ENTRIES = 20_000;

/** Accepted by the word of a receipt or of the audit log, and not in the outbox. */
async function missingSubmissions(dataSource: DataSource): Promise<string[]> {
  const named = await dataSource.query<{ id: Buffer }[]>(
    `SELECT r.submission_id AS id FROM receipt r LEFT JOIN outbox o ON o.submission_id = r.submission_id
      WHERE r.state = 'saved' AND o.submission_id IS NULL LIMIT ?`,
    [LIMITS.missing],
  );
  const audited = await dataSource.query<{ id: string | null }[]>(
    `SELECT a.id FROM (SELECT JSON_VALUE(body, '$.object') AS id FROM audit_entry
        WHERE n > (SELECT MAX(n) FROM audit_entry) - ? AND JSON_VALUE(body, '$.action') = 'submission'
          AND JSON_VALUE(body, '$.outcome') = 'ok') a
      LEFT JOIN outbox o ON o.submission_id = UNHEX(REPLACE(a.id, '-', ''))
      WHERE o.submission_id IS NULL LIMIT ?`,
    [AUDIT_ENTRIES, LIMITS.missing],
  );
  const ids = new Set([...named.map(({ id }) => uuidText(id)), ...audited.map(({ id }) => id)]);
  return [...ids].flatMap((id) => SubmissionId.safeParse(id).data ?? []).slice(0, LIMITS.missing);
}

/** One more than fits into a page; also of charts that have sections and nothing else. */
async function chartRefs(manager: EntityManager, after: string | null): Promise<string[]> {
  const from = hexBytes(after ?? BEFORE_ALL);
  const limit = LIMITS.holdingCharts + 1;
  const rows = await manager.query<{ ref: string }[]>(
    `SELECT LOWER(HEX(patient_ref)) AS ref FROM (
        (SELECT patient_ref FROM chart WHERE patient_ref > ? ORDER BY patient_ref LIMIT ?)
        UNION (SELECT DISTINCT patient_ref FROM section WHERE patient_ref > ? ORDER BY patient_ref LIMIT ?)) AS held
      ORDER BY ref LIMIT ?`,
    [from, limit, from, limit, limit],
  );
  return rows.map(({ ref }) => ref);
}

async function sectionsOf(manager: EntityManager, refs: readonly string[]): Promise<Map<string, SectionRow[]>> {
  if (refs.length === 0) {
    return new Map();
  }
  const rows = await manager.query<SectionRow[]>(
    `SELECT LOWER(HEX(patient_ref)) AS ref, LOWER(HEX(section_id)) AS id, era, seq, epoch, LENGTH(sealed) AS size,
            SHA2(sealed, 256) AS sha256, LOWER(HEX(sha256)) AS stored
       FROM section WHERE patient_ref IN (?) ORDER BY patient_ref, section_id LIMIT ?`,
    [refs.map(hexBytes), LIMITS.holdingPageSections + 1],
  );
  const found = new Map<string, SectionRow[]>();
  for (const row of rows) {
    const own = found.get(row.ref) ?? [];
    own.push(row);
    found.set(row.ref, own);
  }
  return found;
}

/** Without the charts whose sections the page has no room for; the first of them is always there. */
function wholeCharts(refs: readonly string[], sections: ReadonlyMap<string, readonly SectionRow[]>): string[] {
  let room: number = LIMITS.holdingPageSections;
  return refs.filter((ref, index) => {
    room -= sections.get(ref)?.length ?? 0;
    return index === 0 || room >= 0;
  });
}

async function manifestsOf(manager: EntityManager, refs: readonly string[]): Promise<Map<string, ManifestRow>> {
  if (refs.length === 0) {
    return new Map();
  }
  const rows = await manager.query<ManifestRow[]>(
    `SELECT LOWER(HEX(patient_ref)) AS ref, era, seq, LOWER(HEX(manifest_hash)) AS hash, SHA2(manifest, 256) AS text
       FROM chart WHERE patient_ref IN (?)`,
    [refs.map(hexBytes)],
  );
  return new Map(rows.map((row) => [row.ref, row]));
}

function chartHolding(
  patientRef: string,
  manifest: ManifestRow | undefined,
  sections: readonly SectionRow[],
): ChartHolding {
  return {
    patientRef,
    manifest:
      manifest === undefined
        ? null
        : { era: manifest.era, seq: manifest.seq, hash: manifest.hash, text: manifest.text },
    sections: sections.slice(0, LIMITS.holdingSections).map(({ id, era, seq, epoch, size, sha256, stored }) => ({
      id,
      era,
      seq,
      epoch,
      size: Number(size),
      sha256,
      named: stored === sha256,
    })),
  };
}
