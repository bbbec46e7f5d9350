import type { Connection, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow, type Row } from './insert-rows.js';

export interface PortalNote {
  id: number;
  date: string;
  owner: string;
  title: string;
  body: string;
  status: string;
  mailChain: number;
  replyMailChain: number;
  senderId: string;
  senderName: string;
  recipientId: string;
  recipientName: string;
}

export interface SentMail extends Commit {
  /** The copy in the staff member's mailbox. */
  staffCopyId: number;
  /** The copy in the patient's mailbox. */
  patientCopyId: number;
}

const NOTE_COLUMNS = `id, DATE_FORMAT(date, '%Y-%m-%d %H:%i:%s') AS date, owner, title, body,
  message_status AS status, mail_chain AS mailChain, reply_mail_chain AS replyMailChain, sender_id AS senderId,
  sender_name AS senderName, recipient_id AS recipientId, recipient_name AS recipientName`;

function toNote(row: RowDataPacket): PortalNote {
  return {
    id: Number(row.id),
    date: String(row.date),
    owner: String(row.owner),
    title: String(row.title),
    body: String(row.body),
    status: String(row.status),
    mailChain: Number(row.mailChain),
    replyMailChain: Number(row.replyMailChain),
    senderId: String(row.senderId),
    senderName: String(row.senderName),
    recipientId: String(row.recipientId),
    recipientName: String(row.recipientName),
  };
}

/** What the rich-text editor of the compose screen posts for a line of plain text. */
export function editorHtml(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return escaped
    .split('\n')
    .map((line) => `<p>${line === '' ? '<br>' : line}</p>`)
    .join('');
}

/** A mailbox as its owner sees it: what they sent and received and did not remove, oldest first. */
export async function listMail(connection: Connection, mailbox: { owner: string }): Promise<PortalNote[]> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${NOTE_COLUMNS} FROM onsite_mail WHERE deleted != 1 AND owner = ? ORDER BY id`,
    [mailbox.owner],
  );
  return rows.map(toNote);
}

interface Choice {
  staff: string;
  pid?: number;
  noteId?: number;
  /** The thread as the staff mailbox shows it: its `mail_chain`. */
  chain?: number;
}

/** The newest received note of the staff member's inbox that fits the choice. */
async function findReceivedNote(connection: Connection, choice: Choice): Promise<PortalNote> {
  const conditions = ['m.deleted != 1', 'm.owner = ?', 'm.recipient_id = ?'];
  const values: (string | number)[] = [choice.staff, choice.staff];
  if (choice.noteId !== undefined) {
    conditions.push('m.id = ?');
    values.push(choice.noteId);
  }
  if (choice.chain !== undefined) {
    conditions.push('m.mail_chain = ?');
    values.push(choice.chain);
  }
  if (choice.pid !== undefined) {
    conditions.push('m.sender_id = (SELECT portal_username FROM patient_access_onsite WHERE pid = ?)');
    values.push(choice.pid);
  }
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT ${NOTE_COLUMNS} FROM onsite_mail AS m WHERE ${conditions.join(' AND ')} ORDER BY m.id DESC LIMIT 1`,
    values,
  );
  if (rows[0] === undefined) {
    throw new ClinicRefusal('there is no such note in the inbox of this staff member');
  }
  return toNote(rows[0]);
}

async function staffName(connection: Connection, username: string): Promise<string> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    "SELECT CONCAT(fname, ' ', lname) AS name FROM users WHERE username = ? AND active = 1",
    [username],
  );
  if (rows[0] === undefined) {
    throw new ClinicRefusal('there is no active user of this name');
  }
  return String(rows[0].name);
}

/** OpenEMR numbers a new chain by the highest id it sees plus one, whatever id the row then gets. */
async function nextChain(connection: Connection): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT MAX(id) AS newest FROM onsite_mail');
  return Number(rows[0]?.newest ?? 0) + 1;
}

interface Parties {
  staff: string;
  staffName: string;
  patient: string;
  patientName: string;
  title: string;
  body: string;
  date: string;
}

function mailRow(
  parties: Parties,
  copy: { owner: string; status: string; mailChain: number; replyMailChain: number },
): Row {
  return {
    date: parties.date,
    body: parties.body,
    owner: copy.owner,
    user: parties.staff,
    groupname: 'Default',
    authorized: 1,
    activity: 1,
    title: parties.title,
    assigned_to: '',
    message_status: copy.status,
    mail_chain: copy.mailChain,
    sender_id: parties.staff,
    sender_name: parties.staffName,
    recipient_id: parties.patient,
    recipient_name: parties.patientName,
    reply_mail_chain: copy.replyMailChain,
  };
}

/**
 * A staff member opens a patient's note (which marks it Read) and answers it: their own copy joins the chain of the
 * note, the patient's copy joins the patient's chain. Three autocommitted statements, as the screen runs them.
 */
export async function reply(
  connection: Connection,
  answer: Choice & { body: string },
): Promise<SentMail & { noteId: number }> {
  const { now } = await openScreen(connection);
  const note = await findReceivedNote(connection, answer);
  const parties: Parties = {
    staff: answer.staff,
    staffName: await staffName(connection, answer.staff),
    patient: note.senderId,
    patientName: note.senderName,
    title: note.title,
    body: answer.body,
    date: now,
  };
  if (note.status === 'New') {
    await connection.execute("UPDATE onsite_mail SET message_status = 'Read', activity = '1' WHERE id = ?", [note.id]);
  }
  const chain = note.mailChain === 0 ? note.id : note.mailChain;
  const staffCopyId = await insertRow(
    connection,
    'onsite_mail',
    mailRow(parties, { owner: answer.staff, status: 'Reply', mailChain: chain, replyMailChain: chain }),
  );
  const [patientCopyId, commit] = await commitBetween(connection, () =>
    insertRow(
      connection,
      'onsite_mail',
      mailRow(parties, {
        owner: note.senderId,
        status: 'New',
        mailChain: note.replyMailChain,
        replyMailChain: chain,
      }),
    ),
  );
  return { noteId: note.id, staffCopyId, patientCopyId, ...commit };
}

/**
 * A staff member writes to a patient first. The screen offers only patients with `allow_patient_portal` YES and a
 * portal identity. The chain numbers come from the highest id, as OpenEMR takes them.
 */
export async function startMail(
  connection: Connection,
  mail: { staff: string; pid: number; title: string; body: string },
): Promise<SentMail> {
  const { now } = await openScreen(connection);
  const [patients] = await connection.execute<RowDataPacket[]>(
    `SELECT a.portal_username AS username, CONCAT(p.fname, ' ', p.lname) AS name
       FROM patient_data AS p JOIN patient_access_onsite AS a ON a.pid = p.pid
      WHERE p.pid = ? AND p.allow_patient_portal = 'YES' AND a.portal_username <> ''`,
    [mail.pid],
  );
  const patient = patients[0];
  if (patient === undefined) {
    throw new ClinicRefusal('the patient has no portal identity or may not use the portal');
  }
  const parties: Parties = {
    staff: mail.staff,
    staffName: await staffName(connection, mail.staff),
    patient: String(patient.username),
    patientName: String(patient.name),
    title: mail.title,
    body: mail.body,
    date: now,
  };
  const staffChain = await nextChain(connection);
  const staffCopyId = await insertRow(
    connection,
    'onsite_mail',
    mailRow(parties, { owner: mail.staff, status: 'New', mailChain: staffChain, replyMailChain: staffChain }),
  );
  const patientChain = await nextChain(connection);
  const [patientCopyId, commit] = await commitBetween(connection, () =>
    insertRow(
      connection,
      'onsite_mail',
      mailRow(parties, {
        owner: parties.patient,
        status: 'New',
        mailChain: patientChain,
        replyMailChain: patientChain - 1,
      }),
    ),
  );
  return { staffCopyId, patientCopyId, ...commit };
}
