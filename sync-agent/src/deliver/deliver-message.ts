import { MessagePayload } from 'sync-contract/submission';
import type { EntityManager } from 'typeorm';
import { drillFault } from '../drill-fault.js';
import { markDirty } from '../ledger/dirty.js';
import { Patient } from '../ledger/patient.entity.js';
import { Thread, ThreadMail, type Submission } from '../ledger/submission.entities.js';
import { clinicNow } from '../openemr/clinic-clock.js';
import { deliveryMarker, findDelivered } from '../openemr/delivery-marker.js';
import { findConversation, type Conversation } from '../openemr/find-conversation.js';
import { mailBody, mailTitle } from '../openemr/mail-thread.js';
import { PortalNameShared } from '../openemr/portal-name-shared.js';
import { readMailUser } from '../openemr/read-pool.js';
import { writePortalMail, type MailParty, type WrittenMail } from '../openemr/write-mail.js';
import { ensurePortalAccess, readPortalPatient } from '../openemr/write-portal-access.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import { PermanentDeliveryFailure, TransientDeliveryFailure } from './delivery-failure.js';
import type { Effect } from './delivery.js';

export interface MessageDelivery {
  tables: OpenEmrTables;
  resourceIdKey: Uint8Array;
  /** topic → OpenEMR user name */
  pools: Readonly<Record<string, string>> & { readonly default: string };
}

/**
 * Writes a patient's message into OpenEMR's portal mail, both copies, as part of the caller's transaction. A thread that
 * the ledger or OpenEMR knows is continued, any other begins a new conversation with the pool of its topic. The pid
 * comes from the ledger's map, never from the message. Copies that an earlier delivery left, which a restored ledger has
 * forgotten, are taken for this one's.
 * @throws TransientDeliveryFailure when the clinic's set-up lacks somebody to write to, or has one portal name for two
 * @throws PermanentDeliveryFailure
 */
export async function deliverMessage(
  manager: EntityManager,
  delivery: MessageDelivery,
  submission: Submission,
  content: unknown,
): Promise<Effect> {
  const message = MessagePayload.parse(content);
  const { tables } = delivery;
  const { pid, party: patient } = await readSender(manager, tables, submission.patientRef);
  const known = await manager.findOneBy(Thread, { threadId: message.threadId });
  if (known !== null && known.pid !== pid) {
    throw new PermanentDeliveryFailure('the thread belongs to another patient');
  }
  const { submissionId } = submission;
  // The control that writes outside the transaction shows what that alone protects from; by the marker the copies would
  // be found afterwards.
  const marker = drillFault('openemr-outside-transaction')
    ? null
    : deliveryMarker(delivery.resourceIdKey, submissionId);
  const delivered =
    marker === null || drillFault('read-back-off')
      ? null
      : await findDelivered(manager, tables, patient.username, marker);
  const chain = delivered?.chains.patient ?? known?.firstPatientMailId ?? null;
  const find = chain === null ? { threadId: message.threadId, key: delivery.resourceIdKey } : { chain };
  const conversation = await findConversation(manager, tables, { pid, username: patient.username }, find);
  const written = delivered ?? (await write(manager, delivery, patient, message, conversation, marker));
  // Upserted: rows that somebody removed from OpenEMR for good leave the thread to a new conversation.
  await manager.upsert(
    Thread,
    {
      threadId: message.threadId,
      pid,
      topic: known?.topic ?? conversation?.topic ?? message.topic,
      subject: known?.subject ?? conversation?.subject ?? message.subject,
      firstPatientMailId: written.chains.patient,
      firstStaffMailId: written.chains.staff,
      createdAt: known?.createdAt ?? new Date(),
    },
    ['threadId'],
  );
  const { patientMailId, staffMailId } = written;
  const { threadId } = message;
  await manager.insert(
    ThreadMail,
    [...new Set([patientMailId, staffMailId])].map((mailId) => ({ mailId, threadId, submissionId })),
  );
  await markDirty(manager, pid, ['receipts']);
  return { state: 'DONE', reason: null, effect: { patientMailId, staffMailId, marked: marker !== null } };
}

async function write(
  manager: EntityManager,
  delivery: MessageDelivery,
  patient: MailParty,
  message: MessagePayload,
  conversation: Conversation | null,
  marker: string | null,
): Promise<WrittenMail> {
  const { tables } = delivery;
  const outside = drillFault('openemr-outside-transaction');
  return writePortalMail(outside ? manager.dataSource.manager : manager, tables, {
    patient,
    staff: await chooseRecipient(manager, delivery, message.topic, conversation),
    title: conversation?.title ?? mailTitle(message.topic, message.subject),
    body: mailBody(message.body),
    date: await clinicNow(manager, tables),
    reply: conversation?.chains ?? null,
    marker,
  });
}

const NAME_CHARACTERS = 255;

async function readSender(
  manager: EntityManager,
  tables: OpenEmrTables,
  patientRef: string | null,
): Promise<{ pid: number; party: MailParty }> {
  const patient = patientRef === null ? null : await manager.findOneBy(Patient, { patientRef });
  if (patient === null || patient.state === 'revoked') {
    throw new PermanentDeliveryFailure('the patient is no longer enrolled');
  }
  if (patient.state === 'frozen') {
    throw new TransientDeliveryFailure('the chart is frozen until a person confirms whose it is');
  }
  const record = await readPortalPatient(manager, tables, patient.pid);
  if (record === null) {
    throw new TransientDeliveryFailure('OpenEMR no longer has the patient; check for a merge');
  }
  const username = await ensurePortalAccess(manager, tables, patient.pid, record).catch((error: unknown) => {
    throw error instanceof PortalNameShared ? new TransientDeliveryFailure(error.message) : error;
  });
  const name = `${record.firstName} ${record.lastName}`.slice(0, NAME_CHARACTERS);
  return { pid: patient.pid, party: { username, name } };
}

/** Who answered last in the conversation, as in OpenEMR; who may not receive portal mail is replaced by the pool. */
async function chooseRecipient(
  manager: EntityManager,
  { tables, pools }: MessageDelivery,
  topic: string,
  conversation: Conversation | null,
): Promise<MailParty> {
  const partner = conversation === null ? null : await readMailUser(manager, tables, conversation.staffUsername);
  if (partner !== null) {
    return partner;
  }
  const username = pools[topic] ?? pools.default;
  const pool = await readMailUser(manager, tables, username);
  if (pool === null) {
    throw new TransientDeliveryFailure(
      `the pool of topic ${topic} is OpenEMR user "${username}", who is missing, not active or not marked as portal user`,
    );
  }
  return pool;
}
