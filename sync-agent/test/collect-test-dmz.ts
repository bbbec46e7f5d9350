import { randomBytes } from 'node:crypto';
import { sealEnvelope, type Envelope, type EnvelopeHeader } from 'sync-contract/envelope';
import type {
  AckAnswer,
  Done,
  EnrolmentsRequest,
  GrantsRequest,
  InvitesRequest,
  LeaseAnswer,
} from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import type { EnrolmentPayload, MessagePayload } from 'sync-contract/submission';
import type { Collection } from '../src/collect/collect-outbox.js';
import type { Owed } from '../src/enrol/push-owed.js';

export type OutboxItem = LeaseAnswer['items'][number];

export interface JoinedPatient {
  accountRef: string;
  patientRef: string;
}

interface Recipient {
  kid: string;
  publicKey: Buffer;
}

/** UUID version 7 (RFC 9562). */
export function newSubmissionId(at: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Stands in for portal-api and gateway: numbers and seals submissions as they do and hands them out until they are
 * acknowledged. A test may put anything into `outbox` and take anything from it, as a hostile DMZ could.
 */
export class TestDmz {
  outbox: OutboxItem[] = [];
  readonly acked: string[] = [];
  readonly invites: InvitesRequest['invites'] = [];
  readonly enrolments: EnrolmentsRequest['enrolments'] = [];
  readonly grants: GrantsRequest['grants'] = [];
  readonly revocations: Parameters<Owed['gateway']['sendRevocations']>[0][] = [];
  /** called before an acknowledgement is accepted */
  onAck: (submissionIds: readonly string[]) => Promise<void> = () => Promise.resolve();
  private readonly next = new Map<string, number>();

  constructor(
    readonly site: string,
    readonly recipient: Recipient,
  ) {}

  readonly lease: Collection['gateway']['lease'] = ({ limit }) =>
    Promise.resolve({ lease: newRef(), items: this.outbox.slice(0, limit) });

  readonly ack: Collection['gateway']['ack'] = async ({ submissionIds }): Promise<AckAnswer> => {
    await this.onAck(submissionIds);
    this.acked.push(...submissionIds);
    this.outbox = this.outbox.filter((item) => !submissionIds.includes(item.submissionId));
    return { acked: submissionIds.length };
  };

  readonly sendInvites: Owed['gateway']['sendInvites'] = ({ invites }): Promise<Done> => {
    this.invites.push(...invites);
    return Promise.resolve({});
  };

  readonly sendEnrolments: Owed['gateway']['sendEnrolments'] = ({ enrolments }): Promise<Done> => {
    this.enrolments.push(...enrolments);
    return Promise.resolve({});
  };

  readonly sendGrants: Owed['gateway']['sendGrants'] = ({ grants }): Promise<Done> => {
    this.grants.push(...grants);
    return Promise.resolve({});
  };

  readonly sendRevocations: Owed['gateway']['sendRevocations'] = (revocation) => {
    this.revocations.push(revocation);
    return Promise.resolve({ revokedAt: new Date().toISOString(), sectionsDeleted: 3 });
  };

  header(stream: string, changes: Partial<EnvelopeHeader>): Omit<EnvelopeHeader, 'v' | 'kid'> {
    const streamSeq = changes.streamSeq ?? this.next.get(stream) ?? 1;
    this.next.set(stream, streamSeq + 1);
    return {
      site: this.site,
      submissionId: newSubmissionId(),
      accountRef: newRef(),
      patientRef: null,
      kind: 'message',
      stream,
      createdAt: new Date().toISOString(),
      ...changes,
      streamSeq,
    };
  }

  /** Seals and puts into the outbox. */
  async submit(stream: string, changes: Partial<EnvelopeHeader>, payload: unknown): Promise<OutboxItem> {
    const header = this.header(stream, changes);
    return this.put(await sealEnvelope(header, payload, this.recipient));
  }

  put(envelope: Envelope): OutboxItem {
    const { submissionId, stream, streamSeq } = envelope.header;
    const item = { submissionId, stream, streamSeq, envelope: JSON.parse(JSON.stringify(envelope)) as unknown };
    this.outbox.push(item);
    return item;
  }

  async submitMessage(
    patient: JoinedPatient,
    changes: Partial<MessagePayload> = {},
    header: Partial<EnvelopeHeader> = {},
  ): Promise<{ item: OutboxItem; threadId: string }> {
    const threadId = changes.threadId ?? newRef();
    const payload: MessagePayload = {
      topic: 'General',
      subject: '',
      body: 'Please call me',
      writtenAt: new Date().toISOString(),
      ...changes,
      threadId,
    };
    return { item: await this.submit(threadId, { ...patient, ...header }, payload), threadId };
  }

  async submitEnrolment(payload: EnrolmentPayload, header: Partial<EnvelopeHeader> = {}): Promise<OutboxItem> {
    const { accountRef } = payload;
    return this.submit(accountRef, { kind: 'enrolment', accountRef, ...header }, payload);
  }
}
