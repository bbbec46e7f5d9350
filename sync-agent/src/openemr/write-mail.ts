import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { MailChains } from './mail-thread.js';
import { InsertResult, STRICTLY, type OpenEmrTables } from './writer-tables.js';

/** Someone who sends or receives portal mail: `patient_access_onsite.portal_username` or `users.username`. */
export interface MailParty {
  username: string;
  name: string;
}

export interface PortalMail {
  patient: MailParty;
  staff: MailParty;
  title: string;
  /** HTML that is safe to show */
  body: string;
  /** clinic-local wall-clock time, `yyyy-MM-dd HH:mm:ss` */
  date: string;
  /** the conversation it continues; null begins one */
  reply: MailChains | null;
  /** see `deliveryMarker` */
  marker: string | null;
}

export interface WrittenMail {
  patientMailId: number;
  staffMailId: number;
  chains: MailChains;
}

/**
 * Writes a patient's message as OpenEMR's portal does, one copy for each side, inside the caller's transaction. A new
 * conversation is numbered by its own row ids on both sides, which OpenEMR guesses with MAX(id)+1 and we know.
 *
 * | copy | status | mail_chain | reply_mail_chain |
 * |---|---|---|---|
 * | patient's, new | New | own id | own id |
 * | staff's, new | New | own id | id of the patient's copy |
 * | patient's, reply | Reply | patient's chain | patient's chain |
 * | staff's, reply | New | staff's chain | patient's chain |
 */
export async function writePortalMail(
  manager: EntityManager,
  tables: OpenEmrTables,
  mail: PortalMail,
): Promise<WrittenMail> {
  if (mail.reply !== null) {
    const { patient, staff } = mail.reply;
    const patientMailId = await insertCopy(manager, tables, mail, mail.patient, 'Reply', patient, patient);
    const staffMailId = await insertCopy(manager, tables, mail, mail.staff, 'New', staff, patient);
    return { patientMailId, staffMailId, chains: mail.reply };
  }
  const patientMailId = await insertCopy(manager, tables, mail, mail.patient, 'New', null, null);
  await manager.query(`UPDATE ${tables.mail} SET mail_chain = id, reply_mail_chain = id WHERE id = ?`, [patientMailId]);
  const staffMailId = await insertCopy(manager, tables, mail, mail.staff, 'New', null, patientMailId);
  await manager.query(`UPDATE ${tables.mail} SET mail_chain = id WHERE id = ?`, [staffMailId]);
  return { patientMailId, staffMailId, chains: { patient: patientMailId, staff: staffMailId } };
}

async function insertCopy(
  manager: EntityManager,
  tables: OpenEmrTables,
  mail: PortalMail,
  owner: MailParty,
  status: 'New' | 'Reply',
  chain: number | null,
  replyChain: number | null,
): Promise<number> {
  const result: unknown = await manager.query(
    `${STRICTLY} INSERT INTO ${tables.mail}
       (date, owner, user, groupname, activity, authorized, header, title, body, recipient_id, recipient_name,
        sender_id, sender_name, assigned_to, message_status, mail_chain, reply_mail_chain)
     VALUES (?, ?, ?, 'Default', 1, 1, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?)`,
    [
      ...[mail.date, owner.username, mail.patient.username, mail.marker, mail.title, mail.body],
      ...[mail.staff.username, mail.staff.name, mail.patient.username, mail.patient.name],
      ...[status, chain, replyChain],
    ],
  );
  return InsertResult.parse(result).insertId;
}

/** bigint columns arrive as text or number, as the connection's options say. */
export const WholeNumber = z.union([z.int(), z.string().regex(/^\d+$/).transform(Number)]);

const ConversationRows = z.array(
  z.object({
    id: WholeNumber,
    owner: z.string(),
    mail_chain: WholeNumber.nullable(),
    reply_mail_chain: WholeNumber.nullable(),
    sender_id: z.string().nullable(),
    recipient_id: z.string().nullable(),
    title: z.string().nullable(),
  }),
);
type ConversationRow = z.infer<typeof ConversationRows>[number];

/**
 * The patient's own copies, oldest first. `owner` is the one index that OpenEMR's table has; its collation takes names
 * that differ in case for equal, we do not.
 */
export async function readOwnCopies(
  manager: EntityManager,
  tables: OpenEmrTables,
  portalUsername: string,
): Promise<ConversationRow[]> {
  const rows: unknown = await manager.query(
    `SELECT id, owner, mail_chain, reply_mail_chain, sender_id, recipient_id, title FROM ${tables.mail} WHERE owner = ? ORDER BY id`,
    [portalUsername],
  );
  return ConversationRows.parse(rows).filter((row) => row.owner === portalUsername);
}
