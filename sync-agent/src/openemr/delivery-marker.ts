import { createHmac } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { chainOf } from './mail-thread.js';
import { WholeNumber, type WrittenMail } from './write-mail.js';
import type { OpenEmrTables } from './writer-tables.js';

const PREFIX = 'portal-message:';
/** As MariaDB's REGEXP takes it. */
export const MARKER_PATTERN = `^${PREFIX}[0-9a-f]{64}$`;

/**
 * What both copies of a delivered message carry in `onsite_mail.header`, a column that OpenEMR has and none of its
 * programs reads or writes. By it a message is known in OpenEMR when the ledger has forgotten that it was delivered.
 * The same for ever; without the ledger's key nobody can tell which submission it stands for, or make one.
 */
export function deliveryMarker(resourceIdKey: Uint8Array, submissionId: string): string {
  const mac = createHmac('sha256', resourceIdKey).update(canonicalBytes(['onsite_mail-delivery', submissionId]));
  return `${PREFIX}${mac.digest('hex')}`;
}

const Copies = z.array(
  z.object({
    id: WholeNumber,
    owner: z.string(),
    recipient_id: z.string().nullable(),
    mail_chain: WholeNumber.nullable(),
    reply_mail_chain: WholeNumber.nullable(),
  }),
);

/**
 * The copies that an earlier delivery of this message left, also removed ones; null when it was never written. Looked
 * for by owner first, the one index that OpenEMR's table has.
 */
export async function findDelivered(
  manager: EntityManager,
  tables: OpenEmrTables,
  portalUsername: string,
  marker: string,
): Promise<WrittenMail | null> {
  const [own] = await copiesOf(manager, tables, portalUsername, marker);
  if (own === undefined) {
    return null;
  }
  const [staff] = await copiesOf(manager, tables, own.recipient_id ?? '', marker);
  const patient = chainOf(own);
  return {
    patientMailId: own.id,
    staffMailId: staff?.id ?? own.id,
    chains: { patient, staff: staff === undefined ? patient : chainOf(staff) },
  };
}

async function copiesOf(
  manager: EntityManager,
  tables: OpenEmrTables,
  owner: string,
  marker: string,
): Promise<z.infer<typeof Copies>> {
  const rows: unknown = await manager.query(
    `SELECT id, owner, recipient_id, mail_chain, reply_mail_chain FROM ${tables.mail}
      WHERE owner = ? AND header = ? ORDER BY id`,
    [owner, marker],
  );
  return Copies.parse(rows).filter((row) => row.owner === owner);
}
