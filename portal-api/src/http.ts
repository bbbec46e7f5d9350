/**
 * What portal-api and the browser say to each other. Types only: the browser imports them and nothing else of this
 * workspace. Paths:
 *
 *   GET  /api/health/live, /api/health/ready
 *   GET  /api/practice                                  PracticeView
 *   POST /api/join/check            CheckInvite         InviteView
 *   POST /api/join/totp             StartTotp           TotpSetupView
 *   POST /api/join                  Join                SessionView (201)
 *   POST /api/join/date-of-birth    RetryDateOfBirth    SessionView
 *   POST /api/sign-in               SignIn              SignInView
 *   POST /api/sign-in/totp          SignInCode          SessionView
 *   POST /api/sign-out              {}                  204
 *   GET  /api/session                                   SessionView
 *   POST /api/session/extend        {}                  SessionView
 *   GET  /api/charts/:patientRef/status                 ChartStatusView
 *   GET  /api/charts/:patientRef/sections/<name>        the section's JSON (sync-contract/section-content)
 *   GET  /api/charts/:patientRef/documents/:documentId  the document's bytes; `?download=1` never shows them in a page
 *   POST /api/charts/:patientRef/downloads StartDownload  204: it stands in the access history and may begin
 *   GET  /api/charts/:patientRef/own-copies?stream=     OwnCopiesView
 *   POST /api/charts/:patientRef/messages  SendMessage  MessageSentView (201), needs `idempotency-key`
 *   POST /api/charts/:patientRef/release-wishes SendReleaseWish  ReleaseWishSentView (201), needs `idempotency-key`
 *   POST /api/charts/:patientRef/ccd-requests SendCcdRequest  CcdRequestSentView (201), needs `idempotency-key`
 *   GET  /api/charts/:patientRef/receipts               ReceiptsView
 *   GET  /api/access-history?before=                    AccessHistoryView, newest first
 *   GET  /api/events                                    text/event-stream of ChangeEvent
 *
 * Requests: JSON only. Every POST needs the page's own `origin`; with a session also `x-csrf` (SessionView.csrf), without
 * one `x-requested-with: portal`. `x-user-act: 1` marks what the person did; only such requests extend the idle time.
 */

/** Header names of requests and answers. */
export interface PortalHeaders {
  csrf: 'x-csrf';
  requestedWith: 'x-requested-with';
  userAct: 'x-user-act';
  idempotencyKey: 'idempotency-key';
  /** the section's T, an instant */
  asOf: 'x-as-of';
}

/** Fixed per cause; the page has one sentence for each. */
export type ProblemCode =
  // any route
  | 'body-refused'
  | 'body-too-large'
  | 'body-not-json'
  | 'request-refused'
  | 'not-found'
  | 'signed-out'
  | 'too-many-tries'
  | 'busy'
  | 'no-room'
  | 'switched-off'
  | 'unexpected'
  // join
  | 'invite-mistyped'
  | 'invite-unknown'
  | 'invite-used'
  | 'invite-expired'
  | 'name-refused'
  | 'name-taken'
  | 'password-refused'
  | 'totp-setup-expired'
  | 'totp-refused'
  | 'date-of-birth-not-asked'
  | 'clinic-keys-missing'
  | 'clinic-catching-up'
  // sign-in
  | 'sign-in-failed'
  | 'access-ended'
  | 'code-refused'
  | 'sign-in-expired'
  // charts
  | 'section-not-found'
  | 'chart-not-ready'
  | 'replica-unverified'
  | 'scope-missing'
  | 'document-not-ready'
  | 'document-not-offered'
  // submissions
  | 'idempotency-conflict'
  | 'idempotency-key-missing'
  | 'thread-not-found';

/** RFC 9457 problem details, `application/problem+json`. Never repeats what was sent. */
export interface ProblemView {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail?: string;
  /** one entry per field that was refused; path like `totp.code` */
  errors?: { path: string; message: string }[];
}

export interface PracticeView {
  name: string;
  /** IANA name of the clinic's time zone */
  timeZone: string;
}

export interface HealthView {
  status: 'ok' | 'not-ready';
}

export interface CheckInvite {
  code: string;
}

export interface InviteView {
  status: 'open';
}

export interface StartTotp {
  /** shown by the authenticator app beside the practice's name */
  name: string;
}

export interface TotpSetupView {
  /** opaque, valid 30 minutes; goes back with `Join` */
  setup: string;
  /** base32, to be typed where a QR code cannot be read */
  secret: string;
  /** otpauth:// */
  uri: string;
  /** SVG as `data:image/svg+xml` URI for an `img` element */
  qrSvg: string;
}

export interface Join {
  code: string;
  /** user name or e-mail, 3 to 254 characters */
  name: string;
  /** 12 to 256 characters */
  password: string;
  /** YYYY-MM-DD */
  dateOfBirth: string;
  totp: { setup: string; code: string };
}

export interface RetryDateOfBirth {
  /** YYYY-MM-DD */
  dateOfBirth: string;
}

export interface SignIn {
  name: string;
  password: string;
}

export interface SignInView {
  next: 'totp';
}

export interface SignInCode {
  /** six digits */
  code: string;
}

export interface PatientView {
  patientRef: string;
  relation: 'self' | 'proxy';
  scopes: ('message' | 'book' | 'refill' | 'pay' | 'sign')[];
}

export interface SessionView {
  accountRef: string;
  /** value of `x-csrf` */
  csrf: string;
  state: 'joining' | 'active';
  /** the clinic's answer to the last acceptance; null while it has not answered */
  enrolment: { outcome: 'accepted' | 'wrong-date' | 'void'; triesLeft: number } | null;
  /** absolute end, an instant */
  expiresAt: string;
  /** seconds without an act of the person after which the session ends */
  idleSeconds: number;
  patients: PatientView[];
}

export interface ChartStatusView {
  /** T: everything the clinic committed before this instant is in the chart; null when none is known */
  currentAsOf: string | null;
  /** by the age of T: amber from 15 minutes, red from 60. Red also while no chart has come. */
  freshness: 'current' | 'amber' | 'red';
  /** the practice finds out whose chart this is; until then it stays as it is */
  frozen: boolean;
  /** sections without a part in their name that the chart has, e.g. `medications`, `results`, `messages` */
  sections: string[];
  /** grows with every change of the chart, in (era, seq) order; null while no chart has come */
  manifest: { era: number; seq: number } | null;
}

/** A file that the page makes out of the chart. Days in the clinic's time zone, YYYY-MM-DD, both inclusive; null is open. */
export interface StartDownload {
  form: 'fhir-bundle' | 'pdf';
  from: string | null;
  to: string | null;
}

/** What this account sent and the chart does not contain yet. */
export interface OwnCopyView {
  submissionId: string;
  kind: 'message';
  stream: string;
  createdAt: string;
  state: 'saved' | 'collected';
  payload: { threadId: string; topic: string; subject: string; body: string; writtenAt: string };
}

/** A wish about new results that this account sent and the chart does not follow yet. */
export interface PendingWishView {
  submissionId: string;
  createdAt: string;
  state: 'saved' | 'collected';
  payload: { wish: ReleaseWish; resultId: string | null; wishedAt: string };
}

/** A request for a C-CDA that this account sent and the chart does not answer yet. */
export interface PendingCcdRequestView {
  submissionId: string;
  createdAt: string;
  state: 'saved' | 'collected';
  payload: SendCcdRequest & { requestedAt: string };
}

/** Each list oldest first. */
export interface OwnCopiesView {
  copies: OwnCopyView[];
  wishes: PendingWishView[];
  ccdRequests: PendingCcdRequestView[];
}

/** New results wait until a clinician has seen them, come at once, or one of those that wait comes now. */
export type ReleaseWish = 'wait' | 'at-once' | 'show';

export interface SendReleaseWish {
  wish: ReleaseWish;
  /** of a result that waits; null with any wish but `show` */
  resultId: string | null;
}

export interface ReleaseWishSentView {
  submissionId: string;
  state: 'saved';
  savedAt: string;
}

/**
 * That OpenEMR makes its own C-CDA of the chart, in place of the one before. Section `documents` says whether it is
 * offered, and lists it. Days as in `StartDownload`.
 */
export interface SendCcdRequest {
  from: string | null;
  to: string | null;
}

export interface CcdRequestSentView {
  submissionId: string;
  state: 'saved';
  savedAt: string;
}

export interface SendMessage {
  /** null starts a thread */
  threadId: string | null;
  topic: string;
  subject: string;
  body: string;
}

export interface MessageSentView {
  submissionId: string;
  threadId: string;
  state: 'saved';
  savedAt: string;
}

export interface ReceiptView {
  submissionId: string;
  kind: 'message' | 'enrolment' | 'release-wish' | 'ccd-request';
  state: 'saved' | 'collected';
  /** when it came into this state, an instant */
  at: string;
}

export interface ReceiptsView {
  receipts: ReceiptView[];
}

/** An entry of the audit log. It names no section and no person, and a document by nothing but its id. */
export interface AccessEntryView {
  /** an instant */
  at: string;
  /** the log's own word for what was done, e.g. `chart-read`; new ones come with new versions */
  action: string;
  outcome: 'ok' | 'refused' | 'failed';
  /** the account that asks, or another one that may read the same chart */
  who: 'you' | 'another';
  /** whose chart it was about; null when it was about none */
  patientRef: string | null;
  /** which class of records was shown, where the account's keys tell */
  recordClass: string | null;
  /** which document was opened or saved, where the account can read that chart; its section `documents` has the name */
  documentId: string | null;
  /** network address that the account's own request came from */
  address: string | null;
  /** done in the session that asks */
  thisSession: boolean;
}

export interface AccessHistoryView {
  entries: AccessEntryView[];
  /** value of `before` for the next page; null at the end */
  next: string | null;
}

/** `event: change`. Says that something changed, never what: refetch. */
export interface ChangeEvent {
  kind: 'chart' | 'account' | 'receipt';
  /** patientRef or accountRef */
  ref: string;
  seq: number;
}
