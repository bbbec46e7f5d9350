import { z } from 'zod';
import { HeartbeatBucket } from './heartbeat.js';
import { Digest, Instant, Ref, SiteId, SubmissionId, Version } from './identifiers.js';
import { LIMITS, TIMES } from './limits.js';
import { Signed } from './signed.js';

/**
 * The crossing: JSON over HTTPS (mTLS 1.3) at the sync-gateway, called by the agent only. Every request body carries
 * `v`; every answer but problems (RFC 9457) is one of the schemas below. Calls are idempotent unless they say otherwise.
 */
export const GATEWAY_ROUTES = {
  hello: '/v1/hello',
  keys: '/v1/keys',
  eras: '/v1/eras',
  invites: '/v1/invites',
  enrolments: '/v1/enrolments',
  grants: '/v1/grants',
  revocations: '/v1/revocations',
  lease: '/v1/outbox/lease',
  ack: '/v1/outbox/ack',
  reoffer: '/v1/outbox/reoffer',
  streams: '/v1/streams',
  chartState: '/v1/charts/state',
  chartBatch: '/v1/charts/batch',
  openCharts: '/v1/charts/open',
  blobBegin: '/v1/blobs/begin',
  blobChunks: '/v1/blobs/chunks',
  blobCommit: '/v1/blobs/commit',
  blobKeep: '/v1/blobs/keep',
  blobDrop: '/v1/blobs/drop',
  holdings: '/v1/holdings/charts',
  grantHoldings: '/v1/holdings/grants',
  blobHoldings: '/v1/holdings/blobs',
  blobHashes: '/v1/holdings/blob-hashes',
  missing: '/v1/holdings/missing',
  heartbeat: '/v1/heartbeat',
  cut: '/v1/cut',
} as const;
export type GatewayRoute = keyof typeof GATEWAY_ROUTES;

/** Chunks of the largest document. */
const MOST_CHUNKS = Math.ceil(LIMITS.documentBytes / LIMITS.blobChunkBytes);

const request = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject({ v: z.int(), ...shape });

/** Handshake at start and after every lost connection: versions, site and clocks are compared. */
export const HelloRequest = request({
  site: SiteId,
  now: Instant,
  /** somebody only compares: what the running agent has leased stays with it */
  look: z.literal(true).optional(),
});
export type HelloRequest = z.infer<typeof HelloRequest>;
export const HelloAnswer = z.strictObject({
  versions: z.array(z.int()),
  site: SiteId,
  now: Instant,
  /** highest heartbeat the gateway holds, for the comparison after a restore */
  heartbeat: z.strictObject({ era: z.int(), seq: z.int() }).nullable(),
  /** the DMZ was put back to a backup and has not been told since how far the streams are: a hint to send everything */
  restored: z.boolean(),
});
export type HelloAnswer = z.infer<typeof HelloAnswer>;

/** Key statements signed by the root; statements it has are kept. */
export const KeysRequest = request({ statements: z.array(Signed).max(64) });
export type KeysRequest = z.infer<typeof KeysRequest>;

/** Eras that the root has begun. Those the gateway has are kept; it answers with all of them, in order. */
export const ErasRequest = request({ eras: z.array(Signed).max(LIMITS.eras) });
export type ErasRequest = z.infer<typeof ErasRequest>;
export const ErasAnswer = z.strictObject({ eras: z.array(Signed).max(LIMITS.eras) });
export type ErasAnswer = z.infer<typeof ErasAnswer>;

export const InvitesRequest = request({
  invites: z
    .array(
      z.strictObject({
        inviteId: z.string().regex(/^[0-9a-f]{10}$/),
        lookup: Digest,
        expiresAt: Instant,
        /** `void` withdraws it */
        state: z.enum(['open', 'void']),
      }),
    )
    .max(100),
});
export type InvitesRequest = z.infer<typeof InvitesRequest>;

/** What inside decided about an acceptance. An accepted one is followed by its grant. */
export const EnrolmentsRequest = request({
  enrolments: z
    .array(
      z.strictObject({
        accountRef: Ref,
        submissionId: SubmissionId,
        outcome: z.enum(['accepted', 'wrong-date', 'void']),
        triesLeft: z.int().min(0),
      }),
    )
    .max(100),
});
export type EnrolmentsRequest = z.infer<typeof EnrolmentsRequest>;

export const GrantsRequest = request({ grants: z.array(Signed).max(100) });
export type GrantsRequest = z.infer<typeof GrantsRequest>;

/**
 * Crypto-shredding: grants go at once, `charts` also removes all sections of these patientRefs. `accounts`, since version
 * 3, ends sign-ins that have nothing left to open: their wrapped keys go, and their sessions.
 */
export const RevocationsRequest = request({
  grantIds: z.array(Ref).max(100),
  charts: z.array(Ref).max(100),
  accounts: z.array(Ref).max(100).optional(),
});
export type RevocationsRequest = z.infer<typeof RevocationsRequest>;
export const RevocationsAnswer = z.strictObject({ revokedAt: Instant, sectionsDeleted: z.int().min(0) });
export type RevocationsAnswer = z.infer<typeof RevocationsAnswer>;

/** Claims outbox rows; waits up to `waitMs` for new ones. Not idempotent: a lost answer frees the rows after the lease. */
export const LeaseRequest = request({
  limit: z.int().min(1).max(LIMITS.leaseItems),
  waitMs: z.int().min(0).max(TIMES.leaseWait),
});
export type LeaseRequest = z.infer<typeof LeaseRequest>;
export const LeaseAnswer = z.strictObject({
  lease: Ref.nullable(),
  /** what the row holds, not yet trusted: the agent parses each by itself, so that one bad row stops only its stream */
  items: z
    .array(
      z.strictObject({
        submissionId: SubmissionId,
        stream: Ref,
        streamSeq: z.int().min(1),
        envelope: z.unknown(),
      }),
    )
    .max(LIMITS.leaseItems),
});
export type LeaseAnswer = z.infer<typeof LeaseAnswer>;

export const AckRequest = request({ submissionIds: z.array(SubmissionId).min(1).max(LIMITS.leaseItems) });
export type AckRequest = z.infer<typeof AckRequest>;
export const AckAnswer = z.strictObject({ acked: z.int().min(0) });
export type AckAnswer = z.infer<typeof AckAnswer>;

/** After a restore inside: every row that is kept is offered again. The agent knows what it has. */
export const ReofferRequest = request({ era: z.int().min(2) });
export type ReofferRequest = z.infer<typeof ReofferRequest>;
export const ReofferAnswer = z.strictObject({ offered: z.int().min(0) });
export type ReofferAnswer = z.infer<typeof ReofferAnswer>;

/**
 * After a restore of either side: the number that comes next in each stream is at least this one. `last` ends the
 * telling, and with it the time in which a restored DMZ takes no submissions.
 */
export const StreamsRequest = request({
  streams: z
    .array(z.strictObject({ stream: Ref, accountRef: Ref, patientRef: Ref.nullable(), nextSeq: z.int().min(1) }))
    .max(LIMITS.streams),
  last: z.boolean(),
});
export type StreamsRequest = z.infer<typeof StreamsRequest>;

/** What the gateway holds of a chart. A number in it can stop the agent, never advance it. */
export const ChartStateRequest = request({ patientRef: Ref });
export type ChartStateRequest = z.infer<typeof ChartStateRequest>;
export const ChartState = z.strictObject({
  version: Version.nullable(),
  manifestHash: Digest.nullable(),
  sections: z.array(z.strictObject({ id: Digest, version: Version, sha256: Digest })).max(LIMITS.manifestSections),
});
export type ChartState = z.infer<typeof ChartState>;

/**
 * Changed sections with the new manifest, applied in one transaction: sections the manifest does not name are deleted,
 * the sender's own copies in `settles` go. 409 with the chart's state when the manifest is not newer than the stored
 * one or names bytes that are neither here nor stored; the same manifest again answers 200.
 */
export const ChartBatchRequest = request({
  patientRef: Ref,
  manifest: Signed,
  sections: z
    .array(z.strictObject({ id: Digest, version: Version, epoch: z.int().min(1), sealed: z.base64() }))
    .max(LIMITS.manifestSections),
  settles: z.array(SubmissionId).max(1_000),
});
export type ChartBatchRequest = z.infer<typeof ChartBatchRequest>;
export const ChartBatchAnswer = z.strictObject({ version: Version });
export type ChartBatchAnswer = z.infer<typeof ChartBatchAnswer>;

/**
 * Charts that people looked at lately, the last one first, so that their changes go before others. Only a hint, and a
 * gateway of before has no such call.
 */
export const OpenChartsRequest = request({});
export type OpenChartsRequest = z.infer<typeof OpenChartsRequest>;
export const OpenChartsAnswer = z.strictObject({ charts: z.array(Ref).max(LIMITS.openCharts) });
export type OpenChartsAnswer = z.infer<typeof OpenChartsAnswer>;

/**
 * A blob is on its way: so many sealed chunks, hashed as one. Answered with the number of the chunk that comes next: 0
 * for a new one, further on for one that broke off, `chunks` for one that is whole. 422 when the id is that of another.
 */
export const BlobBeginRequest = request({
  patientRef: Ref,
  blobId: Ref,
  chunks: z.int().min(1).max(MOST_CHUNKS),
  /** all sealed bytes */
  size: z
    .int()
    .min(1)
    .max(LIMITS.documentBytes + MOST_CHUNKS * 16),
  /** of all sealed bytes */
  sha256: Digest,
});
export type BlobBeginRequest = z.infer<typeof BlobBeginRequest>;
export const BlobProgress = z.strictObject({ next: z.int().min(0).max(MOST_CHUNKS) });
export type BlobProgress = z.infer<typeof BlobProgress>;

/** Chunks in their order from `first` on. Those that are stored are passed over; a gap stores nothing. */
export const BlobChunksRequest = request({
  patientRef: Ref,
  blobId: Ref,
  first: z.int().min(0).max(MOST_CHUNKS),
  chunks: z.array(z.base64()).min(1).max(LIMITS.blobChunksAtOnce),
});
export type BlobChunksRequest = z.infer<typeof BlobChunksRequest>;

/** All chunks are there: from the answer on the blob is served. 422 for other bytes than were begun; they are deleted. */
export const BlobCommitRequest = request({ patientRef: Ref, blobId: Ref });
export type BlobCommitRequest = z.infer<typeof BlobCommitRequest>;

/** The blobs that a chart's documents are made of; every other one of the chart is deleted. */
export const BlobKeepRequest = request({ patientRef: Ref, keep: z.array(Ref).max(LIMITS.chartBlobs) });
export type BlobKeepRequest = z.infer<typeof BlobKeepRequest>;
export const BlobKeepAnswer = z.strictObject({ deleted: z.int().min(0) });
export type BlobKeepAnswer = z.infer<typeof BlobKeepAnswer>;

/** These blobs are deleted, whoever's they are said to be. A gateway of before has no such call. */
export const BlobDropRequest = request({ blobIds: z.array(Ref).min(1).max(LIMITS.droppedBlobs) });
export type BlobDropRequest = z.infer<typeof BlobDropRequest>;
export const BlobDropAnswer = z.strictObject({ deleted: z.int().min(0) });
export type BlobDropAnswer = z.infer<typeof BlobDropAnswer>;

/**
 * What the gateway holds, page by page in the order of patientRefs, for the comparison with the ledger: columns as they
 * are, hashes computed anew from the stored bytes. A stored hash would say what was stored once. Numbers are as bad as
 * the rows, so nothing about them is presumed.
 */
export const HoldingsRequest = request({ after: Ref.nullable() });
export type HoldingsRequest = z.infer<typeof HoldingsRequest>;
export const SectionHolding = z.strictObject({
  id: Digest,
  era: z.int(),
  seq: z.int(),
  epoch: z.int(),
  size: z.int().min(0),
  /** of the stored bytes */
  sha256: Digest,
  /** the hash in the row's own column is that one */
  named: z.boolean(),
});
export type SectionHolding = z.infer<typeof SectionHolding>;
export const ChartHolding = z.strictObject({
  patientRef: Ref,
  /** null: sections lie here without a chart */
  manifest: z
    .strictObject({
      era: z.int(),
      seq: z.int(),
      hash: Digest,
      /** SHA-256 of the stored JSON of `Signed` */ text: Digest,
    })
    .nullable(),
  /** of more than `LIMITS.holdingSections` the first */
  sections: z.array(SectionHolding).max(LIMITS.holdingSections),
});
export type ChartHolding = z.infer<typeof ChartHolding>;
export const HoldingsAnswer = z.strictObject({
  charts: z.array(ChartHolding).max(LIMITS.holdingCharts),
  /** there are more behind the last of them */
  more: z.boolean(),
});
export type HoldingsAnswer = z.infer<typeof HoldingsAnswer>;

/** The same of grants, in the order of their ids. */
export const GrantHoldingsRequest = request({ after: Ref.nullable() });
export type GrantHoldingsRequest = z.infer<typeof GrantHoldingsRequest>;
export const GrantHolding = z.strictObject({
  grantId: Ref,
  accountRef: Ref,
  patientRef: Ref,
  epoch: z.int(),
  /** as the database prints them, UTC with milliseconds */
  startsAt: z.string().max(40),
  endsAt: z.string().max(40).nullable(),
  /** SHA-256 of the stored JSON of `Signed` */
  text: Digest,
});
export type GrantHolding = z.infer<typeof GrantHolding>;
export const GrantHoldingsAnswer = z.strictObject({
  grants: z.array(GrantHolding).max(LIMITS.holdingGrants),
  more: z.boolean(),
});
export type GrantHoldingsAnswer = z.infer<typeof GrantHoldingsAnswer>;

/** The same of documents' bytes, in the order of blob ids, without hashing them. A gateway of before has no such call. */
export const BlobHoldingsRequest = request({ after: Ref.nullable() });
export type BlobHoldingsRequest = z.infer<typeof BlobHoldingsRequest>;
export const BlobHolding = z.strictObject({
  blobId: Ref,
  /** what it says there; null: chunks lie here without a row */
  row: z
    .strictObject({
      patientRef: Ref,
      chunks: z.int(),
      size: z.int(),
      /** of all sealed bytes, as it was once */
      sha256: Digest,
    })
    .nullable(),
  /** it was committed, and just as many chunks as its row says are here */
  whole: z.boolean(),
});
export type BlobHolding = z.infer<typeof BlobHolding>;
export const BlobHoldingsAnswer = z.strictObject({
  blobs: z.array(BlobHolding).max(LIMITS.holdingBlobs),
  /** with the first page: blobs that did not open when somebody wanted them, the last one first; a hint what to hash */
  doubted: z.array(Ref).max(LIMITS.doubtedBlobs),
  more: z.boolean(),
});
export type BlobHoldingsAnswer = z.infer<typeof BlobHoldingsAnswer>;

/** SHA-256 over the stored chunks 0 to `chunks` - 1 of each, read for this. A gateway of before has no such call. */
export const BlobHashesRequest = request({
  blobs: z
    .array(z.strictObject({ blobId: Ref, chunks: z.int().min(1).max(MOST_CHUNKS) }))
    .min(1)
    .max(LIMITS.hashedBlobs),
});
export type BlobHashesRequest = z.infer<typeof BlobHashesRequest>;
export const BlobHashesAnswer = z.strictObject({
  blobs: z.array(z.strictObject({ blobId: Ref, sha256: Digest })).max(LIMITS.hashedBlobs),
});
export type BlobHashesAnswer = z.infer<typeof BlobHashesAnswer>;

/**
 * Submissions that the DMZ accepted and that are not in its outbox: those that receipts and the newest audit entries
 * name, and the last number of every stream whose row is not there. Normal for what was dropped after it was collected,
 * which the agent knows; else somebody deleted it.
 */
export const MissingRequest = request({ /** a stream */ after: Ref.nullable() });
export type MissingRequest = z.infer<typeof MissingRequest>;
export const MissingAnswer = z.strictObject({
  /** with the first page */
  submissions: z.array(SubmissionId).max(LIMITS.missing),
  streams: z.array(z.strictObject({ stream: Ref, seq: z.int() })).max(LIMITS.streams),
  more: z.boolean(),
});
export type MissingAnswer = z.infer<typeof MissingAnswer>;

/** Heartbeat with the buckets that changed since the last one the gateway acknowledged. 409 when buckets are missing. */
export const HeartbeatRequest = request({
  heartbeat: Signed,
  /** all 256 roots, hex, in order */
  bucketRoots: z.array(Digest).length(256),
  buckets: z.array(HeartbeatBucket).max(256),
});
export type HeartbeatRequest = z.infer<typeof HeartbeatRequest>;

/** The inside believes the DMZ taken, or trusts it again; answered once it is durable. Statements it has change nothing. */
export const CutRequest = request({ statement: Signed });
export type CutRequest = z.infer<typeof CutRequest>;

/** Answer of calls that have nothing to say. */
export const Done = z.strictObject({});
export type Done = z.infer<typeof Done>;

/** Causes of a refusal. The agent repeats none that is not here: whatever else stands there is a stranger's text. */
export const GatewayProblemCode = z.enum([
  ...['protocol-version-refused', 'content-type-refused', 'body-not-json', 'body-too-large', 'body-refused'],
  ...['not-found', 'agent-unknown', 'agent-revoked', 'statement-refused', 'section-refused', 'heartbeat-refused'],
  ...['heartbeat-ahead'],
  ...['chart-conflict', 'heartbeat-buckets-missing', 'heartbeat-not-newer', 'invite-conflict', 'not-supported-yet'],
  ...['no-room', 'blob-refused', 'unexpected'],
] as const);
export type GatewayProblemCode = z.infer<typeof GatewayProblemCode>;

/** RFC 9457 problem details. `code` is fixed per cause; `chart` comes with 409 of a chart batch. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

/** Problem of a refused chart batch: what the gateway holds, and which named bytes it lacks. */
export const ChartConflict = Problem.extend({ chart: ChartState, missing: z.array(Digest) });
export type ChartConflict = z.infer<typeof ChartConflict>;

/** Problem of a heartbeat whose unchanged buckets the gateway does not hold. */
export const HeartbeatConflict = Problem.extend({ missing: z.array(z.int().min(0).max(255)) });
export type HeartbeatConflict = z.infer<typeof HeartbeatConflict>;
