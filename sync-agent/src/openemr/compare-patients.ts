import { createHmac } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { canonicalBytes } from 'sync-contract/canonical-json';
import {
  PORTAL_PATIENT_COLUMNS,
  PortalPatientRow,
  portalPatientOf,
  readPortalPatient,
  type PortalPatient,
} from './write-portal-access.js';
import type { OpenEmrTables } from './writer-tables.js';

/**
 * What the ledger keeps of a record to know the person again: an HMAC of name and date of birth under the ledger's key,
 * which tells nobody either of them.
 */
export function recordMac(
  resourceIdKey: Uint8Array,
  { firstName, lastName, dateOfBirth }: Pick<PortalPatient, 'firstName' | 'lastName' | 'dateOfBirth'>,
): string {
  return createHmac('sha256', resourceIdKey)
    .update(canonicalBytes(['patient-record', firstName, lastName, dateOfBirth]))
    .digest('hex');
}

/** What the ledger keeps of the record a patient was invited or confirmed with; all null when it has not looked yet. */
export interface KnownRecord {
  recordId: number | null;
  nameMac: string | null;
  birthMac: string | null;
}

/** The record as the ledger keeps it from now on. A name is the same however it is capitalised. */
export function identityOf(
  resourceIdKey: Uint8Array,
  record: PortalPatient,
): { [Part in keyof KnownRecord]: NonNullable<KnownRecord[Part]> } {
  const mac = (use: string, ...parts: (string | null)[]): string =>
    createHmac('sha256', resourceIdKey)
      .update(canonicalBytes([use, ...parts]))
      .digest('hex');
  const folded = (name: string): string => name.normalize('NFKC').trim().toLowerCase();
  return {
    recordId: record.id,
    nameMac: mac('patient-name', folded(record.firstName), folded(record.lastName)),
    birthMac: mac('patient-birth', record.dateOfBirth),
  };
}

/**
 * Why OpenEMR's record ends or stops a patient's replication; null when it does neither. Another row under the same pid,
 * or another name together with another date of birth, may be another person; one of the two alone is a correction.
 */
export function doubtAbout(
  resourceIdKey: Uint8Array,
  known: KnownRecord,
  record: PortalPatient | null,
): 'record-missing' | 'portal-not-allowed' | 'record-replaced' | null {
  if (record === null) {
    return 'record-missing';
  }
  if (!record.portalAllowed) {
    return 'portal-not-allowed';
  }
  const now = identityOf(resourceIdKey, record);
  const isOther = (part: keyof KnownRecord): boolean => known[part] !== null && known[part] !== now[part];
  return isOther('recordId') || (isOther('nameMac') && isOther('birthMac')) ? 'record-replaced' : null;
}

const Standing = z.array(
  z.object({
    pid: z.coerce.number(),
    state: z.string(),
    recordId: z.coerce.number().nullable(),
    nameMac: z.string().nullable(),
    birthMac: z.string().nullable(),
    id: z.coerce.number().nullable(),
    fname: z.string().nullable(),
    lname: z.string().nullable(),
    dob: z.string().nullable(),
    allow_patient_portal: z.string().nullable(),
  }),
);
const PAGE = 500;

/** Pids of all who are not revoked and of whom something has to be decided or noted, in pages; of the frozen, who is barred. */
export async function* patientsInDoubt(
  manager: EntityManager,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
): AsyncGenerator<number[]> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const rows: unknown = await manager.query(
      `SELECT p.pid, p.state, p.record_id AS recordId, LOWER(HEX(p.name_mac)) AS nameMac,
              LOWER(HEX(p.birth_mac)) AS birthMac, ${PORTAL_PATIENT_COLUMNS}
         FROM patient p LEFT JOIN ${tables.patients} d ON d.pid = p.pid
        WHERE p.state <> 'revoked' AND p.pid > ? ORDER BY p.pid LIMIT ?`,
      [after, PAGE],
    );
    const page = Standing.parse(rows);
    yield page
      .filter((row) => {
        const record = PortalPatientRow.safeParse(row).data;
        const doubt = doubtAbout(resourceIdKey, row, record === undefined ? null : portalPatientOf(record));
        return row.state === 'frozen' ? doubt === 'portal-not-allowed' : doubt !== null || row.recordId === null;
      })
      .map(({ pid }) => pid);
    after = page.length < PAGE ? undefined : page.at(-1)?.pid;
  }
}

const Enrolled = z.array(z.object({ pid: z.coerce.number() }));
const Invited = z.array(z.object({ pid: z.coerce.number(), recordMac: z.string().nullable() }));

/**
 * Patients of the ledger whose record in OpenEMR is not there or may be somebody else's by now, after OpenEMR gave a pid
 * out a second time. Of the enrolled, those whose portal row is not the one that the enrolment made; of the invited,
 * those whose name or date of birth is not that of the invite.
 */
export async function readStrangePatients(
  manager: EntityManager,
  tables: OpenEmrTables,
  resourceIdKey: Uint8Array,
): Promise<number[]> {
  const enrolled: unknown = await manager.query(
    `SELECT DISTINCT p.pid FROM patient p
       LEFT JOIN ${tables.patients} d ON d.pid = p.pid
       LEFT JOIN ${tables.access} a ON a.pid = p.pid
      WHERE p.state = 'enrolled'
        AND (d.pid IS NULL OR a.portal_username IS NULL OR a.portal_username <> p.portal_username)`,
  );
  const strange = Enrolled.parse(enrolled).map(({ pid }) => pid);
  const invited: unknown = await manager.query(
    "SELECT pid, LOWER(HEX(record_mac)) AS recordMac FROM patient WHERE state = 'invited'",
  );
  for (const { pid, recordMac: known } of Invited.parse(invited)) {
    const record = await readPortalPatient(manager, tables, pid);
    if (record === null || recordMac(resourceIdKey, record) !== known) {
      strange.push(pid);
    }
  }
  return strange.sort((a, b) => a - b);
}
