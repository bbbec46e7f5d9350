import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { chainOf, chainThreadId, threadMails, titleParts, type MailChains } from './mail-thread.js';
import { WholeNumber, readOwnCopies } from './write-mail.js';
import type { OpenEmrTables } from './writer-tables.js';

/** A conversation that OpenEMR holds, as its patient's answer needs it. */
export interface Conversation {
  chains: MailChains;
  /** title of the newest message; an answer carries it on */
  title: string;
  /** what the first message was about */
  topic: string;
  subject: string;
  /** the member of staff who wrote last, else the one who was written to */
  staffUsername: string;
}

/** By the patient's chain when the ledger knows it, else by the thread id that `chainThreadId` gave it. */
export type ConversationSought = { chain: number } | { threadId: string; key: Uint8Array };

/**
 * Looks among the patient's own copies only, removed ones too; null when none of them belongs to the thread. A copy with
 * a number of its own that answers one of the conversation is part of it, as it is on the patient's page.
 */
export async function findConversation(
  manager: EntityManager,
  tables: OpenEmrTables,
  patient: { pid: number; username: string },
  sought: ConversationSought,
): Promise<Conversation | null> {
  const isSought = (chain: number): boolean =>
    'chain' in sought ? chain === sought.chain : chainThreadId(sought.key, patient.pid, chain) === sought.threadId;
  const copies = await readOwnCopies(manager, tables, patient.username);
  const patientChain = [...new Set(copies.map(chainOf))].find(isSought);
  const own = threadMails(copies).find((thread) => thread.some((copy) => chainOf(copy) === patientChain));
  if (patientChain === undefined || own === undefined) {
    return null;
  }
  const [first] = own;
  const newest = own.at(-1) ?? first;
  const received = own.filter((copy) => copy.sender_id !== patient.username);
  const lastReceived = received.at(-1);
  const staffUsername = lastReceived?.sender_id ?? newest.recipient_id ?? '';
  return {
    chains: {
      patient: patientChain,
      // What staff sent names their own chain; before that, their copy of the patient's message does.
      staff:
        lastReceived?.reply_mail_chain ??
        (await staffChain(manager, tables, staffUsername, patient.username, patientChain)),
    },
    title: newest.title ?? '',
    ...titleParts(first.title ?? ''),
    staffUsername,
  };
}

const StaffCopies = z.array(z.object({ id: WholeNumber, mail_chain: WholeNumber.nullable() }));

async function staffChain(
  manager: EntityManager,
  tables: OpenEmrTables,
  staffUsername: string,
  patientUsername: string,
  patientChain: number,
): Promise<number> {
  const rows: unknown = await manager.query(
    `SELECT id, mail_chain FROM ${tables.mail}
      WHERE owner = ? AND sender_id = ? AND reply_mail_chain = ? ORDER BY id LIMIT 1`,
    [staffUsername, patientUsername, patientChain],
  );
  const [copy] = StaffCopies.parse(rows);
  return copy === undefined ? patientChain : chainOf(copy);
}
