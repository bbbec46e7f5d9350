import type { EnvelopeHeader } from 'sync-contract/envelope';
import { Grant, grantInForce } from 'sync-contract/grant';
import { Signed } from 'sync-contract/signed';
import type { SubmissionKind } from 'sync-contract/submission';
import { In, MoreThan, Not, type DataSource, type EntityManager } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { currentEra } from '../ledger/current-era.js';
import { AccountGrant } from '../ledger/enrolment.entities.js';
import { Patient } from '../ledger/patient.entity.js';
import { Stream, Submission, Thread } from '../ledger/submission.entities.js';
import { cutEnvelope, type Inspection, type LeasedItem } from './inspect-item.js';
import { quarantineText, type QuarantineReason } from './quarantine-reason.js';

/**
 * `known`: this submission was collected before; nothing changed. These three may be acknowledged. `early`: the account's
 * acceptance is in the ledger and not decided yet, so nobody can say whether it may write; nothing changed.
 */
export type Recorded = 'received' | 'quarantined' | 'known' | 'early';

const NOBODY = '0'.repeat(32);
/** Kind of a stream that no item was received in: whose it is stands open, whatever rubbish came first. */
const UNCLAIMED = 'unknown';

/**
 * Puts one inspected item into the ledger, in its own transaction, committed when this returns. An id that is there
 * already changes nothing, whatever the gateway now says about it. A quarantined item stops its stream; one that
 * claims the thread of another patient, or a number that is taken, lies beside that stream instead, under its own id,
 * so that it neither blocks nor replaces what belongs there.
 */
export async function recordItem(
  ledger: DataSource,
  item: LeasedItem,
  inspection: Inspection,
  messagesPerDay: number,
): Promise<Recorded> {
  const recorded = await ledger.transaction(async (manager) => {
    const outcome = await recordInTransaction(manager, item, inspection, messagesPerDay);
    crashPoint('before-commit:collect');
    return outcome;
  });
  crashPoint('after-commit:collect');
  return recorded;
}

async function recordInTransaction(
  manager: EntityManager,
  item: LeasedItem,
  inspection: Inspection,
  messagesPerDay: number,
): Promise<Recorded> {
  const { header } = inspection;
  const patientRef = header?.patientRef ?? null;
  if (await manager.existsBy(Submission, { submissionId: item.submissionId })) {
    return 'known';
  }
  // An update that changes nothing takes the row's lock at once; an ignored insert would share it with a delivery that
  // waits for it, and one of the two would be undone.
  await manager
    .createQueryBuilder()
    .insert()
    .into(Stream)
    .values({ stream: item.stream, patientRef: null, kind: UNCLAIMED, nextSeq: 1, stoppedReason: null })
    .orUpdate(['stream'])
    .execute();
  // The row lock makes collections of one stream wait for each other, here and in another agent.
  const stream = await manager.findOneOrFail(Stream, {
    where: { stream: item.stream },
    lock: { mode: 'pessimistic_write' },
  });
  if (await manager.existsBy(Submission, { submissionId: item.submissionId })) {
    return 'known';
  }
  const place = await placeOf(manager, item, inspection, stream, messagesPerDay);
  const { reason } = place;
  if (reason === 'no-grant' && header !== null && (await acceptanceWaits(manager, header.accountRef))) {
    // Normal when a restored ledger is offered again what came after its backup.
    return 'early';
  }
  await manager.insert(Submission, {
    submissionId: item.submissionId,
    accountRef: header?.accountRef ?? NOBODY,
    patientRef,
    kind: header?.kind ?? 'unknown',
    stream: place.stream,
    streamSeq: place.streamSeq,
    envelope: reason === null ? inspection.envelope : await keptAside(manager, inspection),
    state: reason === null ? 'RECEIVED' : 'QUARANTINED',
    reason: reason === null ? null : quarantineText(reason),
    receivedAt: new Date(),
    doneAt: null,
    settledAt: null,
  });
  if (reason === null) {
    if (stream.kind === UNCLAIMED) {
      await manager.update(Stream, { stream: stream.stream }, { patientRef, kind: inspection.header?.kind });
    }
    return 'received';
  }
  if (place.stops && stream.stoppedReason === null) {
    await manager.update(Stream, { stream: stream.stream }, { stoppedReason: quarantineText(reason) });
  }
  return 'quarantined';
}

interface Place {
  stream: string;
  streamSeq: number;
  reason: QuarantineReason | null;
  stops: boolean;
}

/** Numbers beyond what the ledger's column holds; portal-api counts from 1. */
const LARGEST_NUMBER = 2 ** 31 - 1;

/** Where the item goes, and what of that is not allowed. Reads only our own maps, never the content. */
async function placeOf(
  manager: EntityManager,
  item: LeasedItem,
  inspection: Inspection,
  stream: Stream,
  messagesPerDay: number,
): Promise<Place> {
  const { header } = inspection;
  const there = { stream: item.stream, streamSeq: item.streamSeq, stops: true };
  const beside = { stream: item.submissionId.replaceAll('-', ''), streamSeq: 1 };
  if (item.streamSeq > LARGEST_NUMBER) {
    return { ...beside, reason: 'not-an-envelope', stops: true };
  }
  if (header !== null && !(await isOwnStream(manager, header, stream))) {
    return { ...beside, reason: 'foreign-stream', stops: false };
  }
  if (await manager.existsBy(Submission, { stream: item.stream, streamSeq: item.streamSeq })) {
    return { ...beside, reason: 'number-taken', stops: false };
  }
  if (!inspection.sound) {
    return { ...there, reason: inspection.reason };
  }
  const { kind } = inspection;
  const { accountRef, patientRef } = inspection.header;
  const allowed = kind === 'enrolment' || (patientRef !== null && (await mayWrite(manager, accountRef, patientRef)));
  if (!allowed) {
    return { ...there, reason: 'no-grant' };
  }
  const tooMany =
    kind !== 'enrolment' &&
    (await takenInADay(manager, accountRef, kind)) >= messagesPerDay * (await daysOffered(manager));
  return { ...there, reason: tooMany ? 'daily-limit' : null };
}

const DAY = 86_400_000;

/** How long the DMZ keeps what was collected. */
const DAYS_KEPT = 30;

/** On the day after a restore the DMZ offers again what accounts sent in all the days that it keeps. */
async function daysOffered(manager: EntityManager): Promise<number> {
  const { begunAt } = await currentEra(manager);
  return begunAt !== null && Date.now() - begunAt.getTime() < DAY ? 1 + DAYS_KEPT : 1;
}

async function acceptanceWaits(manager: EntityManager, accountRef: string): Promise<boolean> {
  return manager.existsBy(Submission, { accountRef, kind: 'enrolment', state: 'RECEIVED' });
}

/** Set aside ones do not count, or forgeries in an account's name would use up its day. */
async function takenInADay(manager: EntityManager, accountRef: string, kind: SubmissionKind): Promise<number> {
  const grants = await manager.findBy(AccountGrant, { accountRef });
  return manager.countBy(Submission, {
    accountRef,
    // The index is by patient.
    patientRef: In([...new Set(grants.map((grant) => grant.patientRef))]),
    kind,
    state: Not('QUARANTINED'),
    receivedAt: MoreThan(new Date(Date.now() - DAY)),
  });
}

/** So many set-aside items are kept whole, for a person to compare or release; a flood of forgeries is more. */
const KEPT_WHOLE = 1_000;

/** What is no envelope is never kept whole. The sender's own copy of a genuine one stays in the DMZ. */
async function keptAside(manager: EntityManager, inspection: Inspection): Promise<string> {
  const isOurs = inspection.sound || (inspection.header !== null && inspection.reason !== 'too-large');
  if (!isOurs) {
    return inspection.envelope;
  }
  const beyond = await manager.find(Submission, {
    select: { submissionId: true },
    where: { state: 'QUARANTINED' },
    skip: KEPT_WHOLE,
    take: 1,
  });
  return beyond.length === 0 ? inspection.envelope : cutEnvelope(inspection.envelope);
}

async function isOwnStream(manager: EntityManager, header: EnvelopeHeader, stream: Stream): Promise<boolean> {
  const claimed = stream.kind !== UNCLAIMED;
  if (claimed && (stream.kind !== header.kind || stream.patientRef !== header.patientRef)) {
    return false;
  }
  const thread = await manager.findOneBy(Thread, { threadId: stream.stream });
  return thread === null || (await manager.existsBy(Patient, { pid: thread.pid, patientRef: header.patientRef ?? '' }));
}

/** By our own map and our own grants: the patient is ours, and the account may write messages for the patient now. */
async function mayWrite(manager: EntityManager, accountRef: string, patientRef: string): Promise<boolean> {
  const patient = await manager.findOneBy(Patient, { patientRef });
  if (patient === null || patient.state === 'revoked') {
    return false;
  }
  const grants = await manager.findBy(AccountGrant, { accountRef, patientRef, state: 'active' });
  return grants.some(({ signed }) => {
    const { terms } = Grant.parse(JSON.parse(Signed.parse(signed).body));
    return terms.scopes.includes('message') && grantInForce(terms);
  });
}
