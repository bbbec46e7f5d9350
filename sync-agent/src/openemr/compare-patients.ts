import { createHmac } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { readPortalPatient, type PortalPatient } from './write-portal-access.js';
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
