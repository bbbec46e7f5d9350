import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import { PortalNameShared } from './portal-name-shared.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

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

const Shared = z.object({ shared: z.literal(1) });

/**
 * Three queries. Whoever else has the name, as the columns' collation compares or to the letter, makes it nobody's: no
 * mail is better than another patient's.
 * @throws PortalNameShared
 */
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
  const others = await snapshot.select(
    'the holders of a portal name',
    Shared,
    `SELECT 1 AS shared FROM patient_access_onsite
      WHERE pid <> ? AND (portal_username = ? OR BINARY portal_username = BINARY ?)
      UNION ALL SELECT 1 FROM users WHERE username = ? OR BINARY username = BINARY ? LIMIT 1`,
    [pid, portalUsername, portalUsername, portalUsername, portalUsername],
  );
  if (others.length > 0) {
    throw new PortalNameShared();
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
