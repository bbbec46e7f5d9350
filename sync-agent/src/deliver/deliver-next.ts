import { SealBroken } from 'sync-contract/aead';
import { Envelope, openEnvelope } from 'sync-contract/envelope';
import { SUBMISSION_PAYLOADS, SubmissionKind } from 'sync-contract/submission';
import type { DataSource, EntityManager } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';
import { Stream, Submission } from '../ledger/submission.entities.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import { deliverCcdRequest } from './deliver-ccd-request.js';
import { deliverEnrolment } from './deliver-enrolment.js';
import { deliverMessage } from './deliver-message.js';
import { deliverReleaseWish } from './deliver-release-wish.js';
import { PermanentDeliveryFailure } from './delivery-failure.js';
import type { Effect } from './delivery.js';

export interface DeliveryContext {
  ledger: DataSource;
  keys: KeyStore;
  tables: OpenEmrTables;
  pools: Readonly<Record<string, string>> & { readonly default: string };
  /** whether the practice offers OpenEMR's own C-CDA */
  offersCcd: boolean;
}

/** `nothing`: the next number has not been collected, or the stream waits for a person. */
export type Delivered = { kind: SubmissionKind; patientRef: string | null } | 'nothing';

/**
 * Delivers the next submission of a stream, if it is there: OpenEMR's rows, the submission's DONE and the stream's next
 * number in one transaction, so it takes effect once whatever dies when. The stream's row lock makes workers and agents
 * wait for each other. A permanent failure stops the stream; any other error leaves everything as it was.
 */
export async function deliverNext(context: DeliveryContext, stream: string): Promise<Delivered> {
  try {
    const delivered = await context.ledger.transaction(async (manager) => {
      const outcome = await deliverInTransaction(context, manager, stream);
      crashPoint('before-commit:deliver');
      return outcome;
    });
    crashPoint('after-commit:deliver');
    return delivered;
  } catch (error: unknown) {
    if (!(error instanceof Undeliverable)) {
      throw error;
    }
    await stopStream(context.ledger, stream, error);
    return 'nothing';
  }
}

/** This item fails at every try. */
class Undeliverable extends Error {
  constructor(
    readonly submissionId: string,
    readonly reason: string,
  ) {
    super(reason);
  }
}

/** Sentence for what no further try can mend; null for all else. */
function permanentReason(error: unknown): string | null {
  if (error instanceof PermanentDeliveryFailure) {
    return error.message;
  }
  return error instanceof SealBroken
    ? 'what the ledger holds under its wrap key does not open; restore wrap.key as it was'
    : null;
}

async function nextOf(manager: EntityManager, stream: string): Promise<{ submission: Submission; seq: number } | null> {
  const row = await manager.findOne(Stream, { where: { stream }, lock: { mode: 'pessimistic_write' } });
  if (row === null || row.stoppedReason !== null) {
    return null;
  }
  const submission = await manager.findOneBy(Submission, { stream, streamSeq: row.nextSeq, state: 'RECEIVED' });
  return submission === null ? null : { submission, seq: row.nextSeq };
}

async function deliverInTransaction(
  context: DeliveryContext,
  manager: EntityManager,
  stream: string,
): Promise<Delivered> {
  const next = await nextOf(manager, stream);
  if (next === null) {
    return 'nothing';
  }
  const { submission, seq } = next;
  const { submissionId, patientRef } = submission;
  try {
    const { envelope, kind, content } = await openSubmission(context.keys, submission);
    const { state, reason, effect } = await deliverKind(context, manager, kind, submission, envelope, content);
    await manager.update(Submission, { submissionId }, { state, reason, effect, doneAt: new Date() });
    await manager.update(Stream, { stream }, { nextSeq: seq + 1 });
    return { kind, patientRef };
  } catch (error: unknown) {
    const reason = permanentReason(error);
    throw reason === null ? error : new Undeliverable(submissionId, reason);
  }
}

interface Opened {
  envelope: Envelope;
  kind: SubmissionKind;
  content: unknown;
}

/**
 * The item held when it was collected, so what fails here will fail at every try.
 * @throws PermanentDeliveryFailure
 */
async function openSubmission(keys: KeyStore, { kind: kept, envelope: text }: Submission): Promise<Opened> {
  const envelope = Envelope.safeParse(jsonOf(text)).data;
  const kind = SubmissionKind.safeParse(kept).data;
  if (envelope === undefined || kind === undefined) {
    throw new PermanentDeliveryFailure('the ledger no longer holds the sealed submission as it was collected');
  }
  const privateKey = keys.sealingPrivateKey(envelope.header.kid);
  if (privateKey === undefined) {
    throw new PermanentDeliveryFailure(`the sealing key ${envelope.header.kid} is gone; restore its file`);
  }
  let opened: unknown;
  try {
    opened = await openEnvelope(envelope, keys.siteId, privateKey);
  } catch {
    throw new PermanentDeliveryFailure(
      'the seal of the submission does not open; was the key file or the row replaced?',
    );
  }
  const content = SUBMISSION_PAYLOADS[kind].safeParse(opened);
  if (!content.success) {
    throw new PermanentDeliveryFailure('the content of the submission is not what its kind carries');
  }
  return { envelope, kind, content: content.data };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function deliverKind(
  { keys, tables, pools, offersCcd }: DeliveryContext,
  manager: EntityManager,
  kind: SubmissionKind,
  submission: Submission,
  envelope: Envelope,
  content: unknown,
): Promise<Effect> {
  switch (kind) {
    case 'message':
      return deliverMessage(manager, { tables, pools, resourceIdKey: keys.resourceIdKey }, submission, content);
    case 'enrolment':
      return deliverEnrolment(manager, { keys, tables }, submission, new Date(envelope.header.createdAt), content);
    case 'release-wish':
      return deliverReleaseWish(manager, submission, content);
    case 'ccd-request':
      return deliverCcdRequest(manager, submission, content, offersCcd);
  }
}

/**
 * Sets the item aside for a person inside: its sender cannot mend it, so it is no refusal. Looks again under the lock:
 * meanwhile another agent may have delivered the item or stopped the stream.
 */
async function stopStream(ledger: DataSource, stream: string, { submissionId, reason }: Undeliverable): Promise<void> {
  await ledger.transaction(async (manager) => {
    const next = await nextOf(manager, stream);
    if (next?.submission.submissionId === submissionId) {
      await manager.update(Submission, { submissionId }, { state: 'QUARANTINED', reason });
      await manager.update(Stream, { stream }, { stoppedReason: reason });
    }
    crashPoint('before-commit:stop-stream');
  });
  crashPoint('after-commit:stop-stream');
}

/** Says in the ledger why an item waits, for the status command; best effort, in words without content. */
export async function noteWaiting(ledger: DataSource, stream: string, reason: string): Promise<void> {
  const row = await ledger.manager.findOneBy(Stream, { stream });
  if (row !== null) {
    crashPoint('before-commit:waiting-noted');
    await ledger.manager.update(
      Submission,
      { stream, streamSeq: row.nextSeq, state: 'RECEIVED' },
      { reason: reason.slice(0, 500) },
    );
    crashPoint('after-commit:waiting-noted');
  }
}

const PAGE = 500;

/**
 * Streams whose next submission has been collected and waits for delivery, longest waiting first, in pages: however many
 * are stuck, those behind them are found.
 */
export async function* dueStreams(ledger: DataSource): AsyncGenerator<string[]> {
  let last: { receivedAt: Date; stream: string } | undefined;
  do {
    const query = ledger
      .getRepository(Submission)
      .createQueryBuilder('submission')
      .innerJoin(Stream, 'stream', 'stream.stream = submission.stream AND stream.next_seq = submission.stream_seq')
      .where("submission.state = 'RECEIVED' AND stream.stopped_reason IS NULL")
      .orderBy('submission.receivedAt')
      .addOrderBy('submission.stream')
      .limit(PAGE);
    if (last !== undefined) {
      query.andWhere('(submission.received_at, submission.stream) > (:at, :stream)', {
        at: last.receivedAt,
        stream: Buffer.from(last.stream, 'hex'),
      });
    }
    const rows = await query.getMany();
    yield rows.map(({ stream }) => stream);
    last = rows.length < PAGE ? undefined : rows.at(-1);
  } while (last !== undefined);
}
