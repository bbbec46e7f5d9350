/** Shapes of sections as the inside signed them. FHIR resources stay unknown until `fhir.ts` reads them. */

export interface ResourcesContent {
  resources: unknown[];
}

/** Sections that hold a class of resources each, whole. */
export type ResourcePart =
  | 'problems'
  | 'allergies'
  | 'immunizations'
  | 'procedures'
  | 'devices'
  | 'social-history'
  | 'care-team'
  | 'care-plan'
  | 'goals'
  | 'assessments'
  | 'coverage'
  | 'encounters'
  | 'notes'
  | 'reports'
  | 'appointments'
  | 'practice';

export interface DocumentsContent {
  resources: unknown[];
  /** of each document: whether its bytes can be opened */
  contents: unknown[];
  skipped?: number;
  /** `offered` or `held-back`: whether a C-CDA can be asked for; absent when the practice does not offer it */
  ccd?: unknown;
}

/** Dollars and cents, exact: two digits after the point. */
export type Amount = `${number}`;

export interface BillingStatement {
  /** id of the visit's Encounter */
  id: string;
  date: string | null;
  withInsurer: boolean;
  charges: { id: string; code: string | null; text: string; units: number; amount: Amount }[];
  payments: { id: string; date: string | null; from: 'patient' | 'insurance'; method: string; amount: Amount }[];
  adjustments: { id: string; date: string | null; amount: Amount }[];
  charged: Amount;
  paid: Amount;
  adjusted: Amount;
  /** charged less paid less adjusted */
  open: Amount;
  /** the patient's part of it now */
  due: Amount;
}

export interface BillingContent {
  currency: string;
  /** what the patient owes now; below zero when paid in advance */
  balance: Amount;
  /** with all that insurers have yet to settle */
  balanceWithInsurance: Amount;
  statements: BillingStatement[];
}

export interface YearEntry {
  /** name of the section, e.g. `results/2026` */
  section: string;
  year: number | 'undated';
  count: number;
  newest: string | null;
}

export interface YearsContent {
  years: YearEntry[];
}

/** A result of which the portal has nothing but this, because the patient wished so. */
export interface WaitingResult {
  id: string;
  /** instant */
  since: string;
}

export interface ResultYearsContent extends YearsContent {
  /** absent: new results come at once. Longest waiting first. */
  wish?: { waiting: WaitingResult[] };
}

export interface ThreadSummary {
  threadId: string;
  topic: string;
  subject: string;
  messages: number;
  unread: number;
  lastAt: string;
  lastFrom: 'patient' | 'practice';
  excerpt: string;
}

export interface ThreadsContent {
  threads: ThreadSummary[];
}

export interface ThreadMessage {
  id: string;
  from: 'patient' | 'practice';
  senderName: string;
  sentAt: string;
  body: string;
  submissionId: string | null;
}

export interface ThreadContent {
  threadId: string;
  topic: string;
  subject: string;
  messages: ThreadMessage[];
}

export type ReceiptState = 'saved' | 'collected' | 'with-staff' | 'decided' | 'in-chart' | 'refused';

export interface SectionReceipt {
  submissionId: string;
  kind: string;
  state: ReceiptState;
  at: string;
  reason: string | null;
}

export interface ReceiptsContent {
  receipts: SectionReceipt[];
}
