import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './tables.js';

export const PortalAccountRow = z.object({ id: Id, portal_username: z.string().nullable() });
export type PortalAccountRow = z.infer<typeof PortalAccountRow>;

export const MailRow = z.object({
  id: Id,
  date: WallClock,
  owner: z.string().nullable(),
  sender_id: Text,
  sender_name: Text,
  title: Text,
  body: Text,
  deleted: OptionalWhole,
  message_status: Text,
  mail_chain: Whole,
  reply_mail_chain: Whole,
  is_msg_encrypted: OptionalWhole,
});
export type MailRow = z.infer<typeof MailRow>;

export interface MessageRows {
  /** the patient's identity in portal mail; null when OpenEMR's portal does not know the patient */
  portalUsername: string | null;
  /** the patient's own copies, deleted ones too: they still hold threads together */
  mails: MailRow[];
}

/** Two queries. */
export async function readMessages(
  snapshot: Snapshot,
  pid: number,
): Promise<{ rows: MessageRows; sources: SourceRow[] }> {
  const [account] = await snapshot.select(
    'the portal account',
    PortalAccountRow,
    'SELECT id, portal_username FROM patient_access_onsite WHERE pid = ?',
    [pid],
  );
  const portalUsername = account?.portal_username ?? '';
  const accountSources = account === undefined ? [] : [sourceRow('patient_access_onsite', account)];
  if (portalUsername === '') {
    return { rows: { portalUsername: null, mails: [] }, sources: accountSources };
  }
  const owned = await snapshot.select(
    'portal mail',
    MailRow,
    `SELECT id, \`date\`, owner, sender_id, sender_name, title, body, deleted, message_status, mail_chain,
            reply_mail_chain, is_msg_encrypted
       FROM onsite_mail WHERE owner = ? ORDER BY id`,
    [portalUsername],
  );
  // The column's collation ignores case and trailing spaces; two patients' names may differ in nothing else.
  const mails = owned.filter((mail) => mail.owner === portalUsername);
  return {
    rows: { portalUsername, mails },
    sources: [...accountSources, ...mails.map((row) => sourceRow('onsite_mail', row))],
  };
}
