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
    sender_id: z.string().nullable(),
    recipient_id: z.string().nullable(),
    mail_chain: WholeNumber.nullable(),
    reply_mail_chain: WholeNumber.nullable(),
  }),
);
type Copies = z.infer<typeof Copies>;

const COPY = 'id, owner, sender_id, recipient_id, mail_chain, reply_mail_chain';

/**
 * The copies that an earlier delivery of this message left, also removed ones; null when it was never written. First
 * among what the ledger had forgotten when its era began, under whatever name, then among the mails of the patient's
 * present name: by `owner`, the one index that OpenEMR's table has.
 */
export async function findDelivered(
  manager: EntityManager,
  tables: OpenEmrTables,
  portalUsername: string,
  marker: string,
): Promise<WrittenMail | null> {
  const forgotten = await forgottenCopies(manager, tables, marker);
  const copies = forgotten.length > 0 ? forgotten : await copiesOf(manager, tables, portalUsername, marker);
  const own = copies.find(({ owner, sender_id }) => owner === sender_id) ?? copies[0];
  if (own === undefined) {
    return null;
  }
  const staff =
    copies.find(({ owner }) => owner !== own.owner) ??
    (await copiesOf(manager, tables, own.recipient_id ?? '', marker)).find(({ id }) => id !== own.id);
  const patient = chainOf(own);
  return {
    patientMailId: own.id,
    staffMailId: staff?.id ?? own.id,
    chains: { patient, staff: staff === undefined ? patient : chainOf(staff) },
  };
}

async function forgottenCopies(manager: EntityManager, tables: OpenEmrTables, marker: string): Promise<Copies> {
  const rows: unknown = await manager.query(
    `SELECT ${COPY} FROM ${tables.mail} WHERE id IN (SELECT mail_id FROM forgotten_delivery WHERE marker = ?)
        AND header = ? ORDER BY id`,
    [marker, marker],
  );
  return Copies.parse(rows);
}

async function copiesOf(manager: EntityManager, tables: OpenEmrTables, owner: string, marker: string): Promise<Copies> {
  const rows: unknown = await manager.query(
    `SELECT ${COPY} FROM ${tables.mail} WHERE owner = ? AND header = ? ORDER BY id`,
    [owner, marker],
  );
  return Copies.parse(rows).filter((row) => row.owner === owner);
}
