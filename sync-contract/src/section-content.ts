import { z } from 'zod';
import { Base64Url, Digest, Instant, Ref, ResourceId, SubmissionId } from './identifiers.js';
import { LIMITS } from './limits.js';

/** A FHIR R4 resource (US Core where a profile exists). Kept verbatim; the browser reads the parts it knows. */
export const Resource = z.looseObject({ resourceType: z.string(), id: z.string() });
export type Resource = z.infer<typeof Resource>;

/** Sections of one class, and of one year of `results` and `vitals`: resources in a fixed order. */
export const ResourcesContent = z.strictObject({
  resources: z.array(Resource),
  /** entries of the chart that cannot be shown because nothing in them can be read; absent when there is none */
  skipped: z.int().min(1).optional(),
});
export type ResourcesContent = z.infer<typeof ResourcesContent>;

/** Why there is no content to a document of the list; the page has one sentence for each. */
export const CONTENT_REASONS = ['too-large', 'missing', 'no-file', 'not-offered'] as const;

/** Content of a document: a blob that only this entry opens, on its way, or none. */
export const DocumentContent = z.discriminatedUnion('state', [
  z.strictObject({
    state: z.literal('held'),
    /** id of its DocumentReference */
    documentId: z.string(),
    blobId: Ref,
    /** content key, 32 bytes */
    key: Base64Url.length(43),
    /** of the sealed bytes */
    sha256: Digest,
    /** of the content, bytes */
    size: z.int().min(0).max(LIMITS.documentBytes),
  }),
  z.strictObject({ state: z.literal('waiting'), documentId: z.string() }),
  z.strictObject({ state: z.literal('none'), documentId: z.string(), reason: z.enum(CONTENT_REASONS) }),
]);
export type DocumentContent = z.infer<typeof DocumentContent>;

/** Section `documents`: the list, and for each of its resources the content. */
export const DocumentsContent = ResourcesContent.extend({
  contents: z.array(DocumentContent),
  /**
   * OpenEMR's own C-CDA: the patient may ask for one, or none is made because decisions about release are in force in
   * this chart; absent when the practice does not offer it. One that was asked for is an entry of the list.
   */
  ccd: z.enum(['offered', 'held-back']).optional(),
});
export type DocumentsContent = z.infer<typeof DocumentsContent>;

/** Sections `results` and `vitals`: which years there are, newest first, `undated` last. */
export const YearsContent = z.strictObject({
  years: z.array(
    z.strictObject({
      /** name of the section, e.g. `results/2026` */
      section: z.string(),
      year: z.union([z.int(), z.literal('undated')]),
      /** number of reports, or of forms of vital signs */
      count: z.int().min(1),
      /** newest collection time with offset, FHIR dateTime; null when undated */
      newest: z.string().nullable(),
    }),
  ),
});
export type YearsContent = z.infer<typeof YearsContent>;

/**
 * Section `results`: its years and, while the patient wishes that new results wait for a clinician, those that wait. Of a
 * result that waits nothing else leaves the inside.
 */
export const ResultYearsContent = YearsContent.extend({
  wish: z
    .strictObject({
      /** longest waiting first; `since`: when the inside first kept it back */
      waiting: z.array(z.strictObject({ id: ResourceId, since: Instant })),
    })
    .optional(),
});
export type ResultYearsContent = z.infer<typeof ResultYearsContent>;

/** Dollars and cents, exact. */
const Amount = z.string().regex(/^-?\d{1,14}\.\d\d$/);
/** FHIR date or dateTime; null when the practice noted none. */
const NotedDate = z.string().nullable();

/** Section `billing`: what the patient owes as OpenEMR computes it, and a statement for each visit, newest first. */
export const BillingContent = z.strictObject({
  currency: z.literal('USD'),
  /** what the patient owes now; below zero when paid in advance */
  balance: Amount,
  /** with all that insurers have yet to settle */
  balanceWithInsurance: Amount,
  statements: z.array(
    z.strictObject({
      /** resource id of the visit's Encounter */
      id: z.string(),
      date: NotedDate,
      /** an insurer has yet to settle it; the patient owes no more than the copay until then */
      withInsurer: z.boolean(),
      charges: z.array(
        z.strictObject({
          id: z.string(),
          code: z.string().nullable(),
          text: z.string(),
          units: z.int().min(1),
          amount: Amount,
        }),
      ),
      payments: z.array(
        z.strictObject({
          id: z.string(),
          date: NotedDate,
          from: z.enum(['patient', 'insurance']),
          /** how it was paid; empty when unknown */
          method: z.string(),
          amount: Amount,
        }),
      ),
      /** what need not be paid, e.g. by the insurer's contract */
      adjustments: z.array(z.strictObject({ id: z.string(), date: NotedDate, amount: Amount })),
      charged: Amount,
      paid: Amount,
      adjusted: Amount,
      /** charged less paid less adjusted */
      open: Amount,
      /** the patient's part of it now */
      due: Amount,
    }),
  ),
});
export type BillingContent = z.infer<typeof BillingContent>;

const ThreadSummary = z.strictObject({
  threadId: Ref,
  topic: z.string(),
  subject: z.string(),
  messages: z.int().min(1),
  /** messages of the practice that the patient's copy shows as new */
  unread: z.int().min(0),
  lastAt: Instant,
  lastFrom: z.enum(['patient', 'practice']),
  /** first 140 characters of the newest message */
  excerpt: z.string(),
});

/** Section `messages`: all threads, newest first. */
export const ThreadsContent = z.strictObject({ threads: z.array(ThreadSummary) });
export type ThreadsContent = z.infer<typeof ThreadsContent>;

/** Section `messages/<threadId>`: oldest message first. Text is plain; markup of the source is already reduced. */
export const ThreadContent = z.strictObject({
  threadId: Ref,
  topic: z.string(),
  subject: z.string(),
  messages: z.array(
    z.strictObject({
      /** resource id of the mail row */
      id: z.string(),
      from: z.enum(['patient', 'practice']),
      senderName: z.string(),
      sentAt: Instant,
      body: z.string(),
      /** set for what this portal sent, so that the sender's own copy is not shown twice */
      submissionId: SubmissionId.nullable(),
    }),
  ),
});
export type ThreadContent = z.infer<typeof ThreadContent>;
