import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Grant } from 'sync-contract/grant';
import type { GrantHolding } from 'sync-contract/gateway-wire';
import { Signed } from 'sync-contract/signed';
import type { LedgerChart, LedgerSection } from './compare-chart.js';

/** A chart that the DMZ ought to hold. */
export interface ExpectedChart extends LedgerChart {
  pid: number;
  patientRef: string;
  attemptedSeq: number;
  /** frozen or stopped: nothing of it is sent until a person has decided */
  waits: boolean;
}

const Numbers = z.array(z.object({ patientRef: z.string(), attemptedSeq: z.coerce.number() }));
const Charts = z.array(
  z.object({
    pid: z.coerce.number(),
    patientRef: z.string(),
    era: z.number(),
    seq: z.coerce.number(),
    attemptedSeq: z.coerce.number(),
    manifest: z.string(),
    manifestHash: z.string(),
    waits: z.coerce.boolean(),
  }),
);
const Sections = z.array(
  z.object({
    patientRef: z.string(),
    name: z.string(),
    recordClass: z.string(),
    sectionId: z.string(),
    era: z.number(),
    seq: z.coerce.number(),
    epoch: z.number(),
    size: z.number(),
    sha256: z.string(),
  }),
);
const Grants = z.array(z.object({ grantId: z.string(), signed: z.string(), pushedAt: z.date().nullable() }));
const Known = z.array(z.object({ ref: z.string() }));
const Waiting = z.tuple([z.object({ n: z.coerce.number() })]);

const LAST = 'f'.repeat(32);

/**
 * Number of the last attempt to push each chart of which none is under way: one that grows while it is compared was on
 * its way.
 */
export async function readAttempts(manager: EntityManager): Promise<Map<string, number>> {
  const rows: unknown = await manager.query(
    'SELECT LOWER(HEX(patient_ref)) AS patientRef, attempted_seq AS attemptedSeq FROM chart WHERE attempted_seq = seq',
  );
  return new Map(Numbers.parse(rows).map(({ patientRef, attemptedSeq }) => [patientRef, attemptedSeq]));
}

/** Charts that were acknowledged, behind `after` and up to `last`, in order. */
export async function readExpected(
  manager: EntityManager,
  after: string | null,
  last: string | null,
): Promise<ExpectedChart[]> {
  const range = [after ?? '', last ?? LAST];
  // Sections first: a chart that is pushed between the two looks has another number then, and is passed over.
  const found: unknown = await manager.query(
    `SELECT LOWER(HEX(patient_ref)) AS patientRef, name, record_class AS recordClass,
            LOWER(HEX(section_id)) AS sectionId, era, seq, epoch, size, LOWER(HEX(sha256)) AS sha256
       FROM chart_section WHERE patient_ref > UNHEX(?) AND patient_ref <= UNHEX(?)`,
    range,
  );
  const rows: unknown = await manager.query(
    `SELECT c.pid, LOWER(HEX(c.patient_ref)) AS patientRef, c.era, c.seq, c.attempted_seq AS attemptedSeq, c.manifest,
            LOWER(HEX(c.manifest_hash)) AS manifestHash,
            p.state = 'frozen' OR c.stopped_reason IS NOT NULL AS waits
       FROM chart c JOIN patient p ON p.pid = c.pid
      WHERE c.patient_ref > UNHEX(?) AND c.patient_ref <= UNHEX(?) AND c.seq > 0 AND p.state <> 'revoked'
        AND c.manifest_hash IS NOT NULL
      ORDER BY c.patient_ref`,
    range,
  );
  const sections = new Map<string, LedgerSection[]>();
  for (const { patientRef, ...section } of Sections.parse(found)) {
    sections.set(patientRef, [...(sections.get(patientRef) ?? []), section]);
  }
  return Charts.parse(rows).map(({ manifest, ...chart }) => ({
    ...chart,
    manifestText: textHash(Signed.parse(JSON.parse(manifest))),
    sections: sections.get(chart.patientRef) ?? [],
  }));
}

/** A grant that the DMZ ought to hold, as its row there has to look. */
export interface ExpectedGrant {
  row: GrantHolding;
  /** null while it is owed anyway */
  pushedAt: Date | null;
}

export async function readExpectedGrants(
  manager: EntityManager,
  after: string | null,
  last: string | null,
): Promise<Map<string, ExpectedGrant>> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(grant_id)) AS grantId, signed, pushed_at AS pushedAt FROM account_grant
      WHERE grant_id > UNHEX(?) AND grant_id <= UNHEX(?) AND state = 'active'`,
    [after ?? '', last ?? LAST],
  );
  return new Map(
    Grants.parse(rows).map(({ grantId, signed: text, pushedAt }) => {
      const signed = Signed.parse(JSON.parse(text));
      const { terms } = Grant.parse(JSON.parse(signed.body));
      const { accountRef, patientRef, epoch, from, to } = terms;
      const row = { grantId, accountRef, patientRef, epoch, startsAt: printed(from), endsAt: to && printed(to) };
      return [grantId, { row: { ...row, text: textHash(signed) }, pushedAt }];
    }),
  );
}

/** Those of the refs whose chart the DMZ may hold: of everybody who was invited and not revoked. */
export async function knownCharts(manager: EntityManager, refs: readonly string[]): Promise<Set<string>> {
  if (refs.length === 0) {
    return new Set();
  }
  const rows: unknown = await manager.query(
    "SELECT LOWER(HEX(patient_ref)) AS ref FROM patient WHERE patient_ref IN (?) AND state <> 'revoked'",
    [refs.map((ref) => Buffer.from(ref, 'hex'))],
  );
  return new Set(Known.parse(rows).map(({ ref }) => ref));
}

/**
 * Whether the ledger may not know yet what it once knew: a restore goes on or ended within a day, or an acceptance waits.
 * Those who joined after the backup are accepted again only when the outbox has been collected again.
 */
export async function isCatchingUp(manager: EntityManager): Promise<boolean> {
  const rows: unknown = await manager.query(
    `SELECT (SELECT COUNT(*) FROM restore_step WHERE step IN ('era', 'reoffer'))
          + (SELECT COUNT(*) FROM submission WHERE state = 'RECEIVED' AND kind = 'enrolment')
          + (SELECT COUNT(*) FROM era WHERE begun_at > UTC_TIMESTAMP(3) - INTERVAL 1 DAY) AS n`,
  );
  return Waiting.parse(rows)[0].n > 0;
}

function textHash({ kid, body, signature }: Signed): string {
  return createHash('sha256').update(JSON.stringify({ kid, body, signature }), 'utf8').digest('hex');
}

/** As the database prints an instant in a column with milliseconds. */
function printed(instant: string): string {
  return `${instant.slice(0, 23).replace('T', ' ')}000`;
}
