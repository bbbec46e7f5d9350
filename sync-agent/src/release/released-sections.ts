import { createHash } from 'node:crypto';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { Ref } from 'sync-contract/identifiers';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { SUPPORTING } from '../chart/kept-out.js';
import { WITHDRAWN } from '../chart/withhold.js';

/** A push that was acknowledged. */
interface Version {
  patientRef: string;
  era: number;
  seq: number;
}

interface Released {
  name: string;
  content: unknown;
  /** hex */
  contentHash: string;
}

const ID_BYTES = 16;
const HASH_BYTES = 16;
const ROWS = 100;

/**
 * In the transaction that writes an acknowledgement: which entries, in which version, the DMZ has from now on. A push that
 * was repeated keeps its first time.
 */
export async function noteReleased(
  manager: EntityManager,
  { patientRef, era, seq }: Version,
  sections: readonly Released[],
): Promise<void> {
  for (let i = 0; i < sections.length; i += ROWS) {
    const part = sections.slice(i, i + ROWS);
    await manager.query(
      `INSERT INTO released_section (patient_ref, name, era, seq, content_hash, items, acked_at)
        VALUES ${part.map(() => '(UNHEX(?), ?, ?, ?, UNHEX(?), ?, UTC_TIMESTAMP(3))').join(', ')}
        ON DUPLICATE KEY UPDATE seq = seq`,
      part.flatMap(({ name, content, contentHash }) => [patientRef, name, era, seq, contentHash, itemsOf(content)]),
    );
  }
}

const Names = z.array(z.object({ name: z.string() }));

/** In the same transaction: sections that the acknowledged manifest does not name any more. */
export async function noteGone(
  manager: EntityManager,
  { patientRef, era, seq }: Version,
  names: readonly string[],
): Promise<void> {
  const rows: unknown = await manager.query('SELECT DISTINCT name FROM released_section WHERE patient_ref = UNHEX(?)', [
    patientRef,
  ]);
  const there = new Set(names);
  for (const { name } of Names.parse(rows)) {
    if (!there.has(name)) {
      await manager.query(
        `INSERT INTO released_section (patient_ref, name, era, seq, content_hash, items, acked_at)
          SELECT patient_ref, name, ?, ?, NULL, '', UTC_TIMESTAMP(3)
            FROM (SELECT patient_ref, name, content_hash FROM released_section
                   WHERE patient_ref = UNHEX(?) AND name = ? ORDER BY era DESC, seq DESC LIMIT 1) newest
           WHERE content_hash IS NOT NULL`,
        [era, seq, patientRef, name],
      );
    }
  }
}

const Entries = z.union([
  z.looseObject({ resources: z.array(z.unknown()) }).transform(({ resources }) => resources),
  z.looseObject({ messages: z.array(z.unknown()) }).transform(({ messages }) => messages),
]);
const Named = z
  .looseObject({ id: Ref, resourceType: z.string().default(''), meta: z.unknown() })
  .refine(({ resourceType, meta }) => !SUPPORTING.has(resourceType) && !isWithdrawn(meta));
const Marked = z.looseObject({ security: z.array(z.looseObject({ code: z.string() })) });

/** In the place of a recalled entry stands its id alone. */
const isWithdrawn = (meta: unknown): boolean =>
  Marked.safeParse(meta).data?.security.some(({ code }) => code === WITHDRAWN.code) === true;

/** Ids and hashes of what a section lists, without people, places and what was recalled; empty for an index or a bill. */
function itemsOf(content: unknown): Buffer {
  const entries = Entries.safeParse(content).data ?? [];
  return Buffer.concat(
    entries.flatMap((entry) => {
      const { id } = Named.safeParse(entry).data ?? {};
      return id === undefined ? [] : [Buffer.from(id, 'hex'), hashOfItem(entry)];
    }),
  );
}

/** First bytes of SHA-256 of the entry's canonical JSON. */
function hashOfItem(entry: unknown): Buffer {
  return createHash('sha256').update(canonicalBytes(entry)).digest().subarray(0, HASH_BYTES);
}

/** @param id hex @returns hash of the entry's version among a section's items, hex; undefined when it is not there */
export function versionAmong(items: Buffer, id: string): string | undefined {
  const wanted = Buffer.from(id, 'hex');
  for (let at = 0; at < items.length; at += ID_BYTES + HASH_BYTES) {
    if (items.subarray(at, at + ID_BYTES).equals(wanted)) {
      return items.subarray(at + ID_BYTES, at + ID_BYTES + HASH_BYTES).toString('hex');
    }
  }
  return undefined;
}

/** Versions of long ago go; the last one before then stays. @param kept SQL interval */
export async function forgetVersions(manager: EntityManager, kept: string): Promise<void> {
  await manager.query(
    `DELETE old FROM released_section old
       JOIN released_section newer ON newer.patient_ref = old.patient_ref AND newer.name = old.name
        AND (newer.era > old.era OR (newer.era = old.era AND newer.seq > old.seq))
      WHERE old.acked_at < UTC_TIMESTAMP(3) - INTERVAL ${kept}
        AND newer.acked_at < UTC_TIMESTAMP(3) - INTERVAL ${kept}`,
  );
}
