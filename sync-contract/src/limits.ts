/** Limits both sides enforce. Bytes are counted after transfer encoding is removed; characters are code points. */
export const LIMITS = {
  /** message text, characters */
  messageCharacters: 20_000,
  /** message subject, characters */
  subjectCharacters: 120,
  /** canonical JSON of one submission before sealing, bytes */
  submissionBytes: 128 * 1024,
  /** one envelope as JSON, bytes */
  envelopeBytes: 256 * 1024,
  /** one sealed section, bytes */
  sectionBytes: 8 * 1024 * 1024,
  /** content of one document, bytes; a larger one is listed without it */
  documentBytes: 50 * 1024 * 1024,
  /** content in one chunk of a blob, bytes */
  blobChunkBytes: 64 * 1024,
  /** chunks of a blob in one call */
  blobChunksAtOnce: 64,
  /** blobs of one chart */
  chartBlobs: 10_000,
  /** one request body at the gateway, bytes */
  gatewayRequestBytes: 24 * 1024 * 1024,
  /** one answer of the gateway that the agent is willing to read, bytes */
  gatewayResponseBytes: 16 * 1024 * 1024,
  /** one request body at portal-api, bytes */
  publicRequestBytes: 160 * 1024,
  /** eras of one site */
  eras: 64,
  /** streams in one call */
  streams: 1_000,
  /** depth of nested JSON accepted anywhere */
  jsonDepth: 32,
  /** outbox rows in one lease */
  leaseItems: 50,
  /** sections in one manifest */
  manifestSections: 4_096,
  /** charts that people looked at lately, in one answer */
  openCharts: 500,
  /** charts in one page of holdings, sections of one of them, sections of a page unless its first chart has more */
  holdingCharts: 200,
  holdingSections: 8_192,
  holdingPageSections: 20_000,
  /** submissions that are named and not there, in one answer */
  missing: 1_000,
  /** grants in one page of holdings */
  holdingGrants: 2_000,
  /** blobs in one page of holdings, of those that did not open, hashed in one call, deleted in one call */
  holdingBlobs: 2_000,
  doubtedBlobs: 100,
  hashedBlobs: 64,
  droppedBlobs: 100,
  /** charts of one practice in one heartbeat bucket */
  bucketLeaves: 4_096,
  /** padding step of sealed sections, bytes */
  paddingStep: 1024,
} as const;

/** Times both sides rely on, in milliseconds. */
export const TIMES = {
  /** longest wait of a lease request for new work */
  leaseWait: 25_000,
  /** how long leased rows stay claimed */
  lease: 60_000,
  /** longest pause between two heartbeats */
  heartbeat: 60_000,
  /** pause between two clock markers */
  clockMarker: 5_000,
  /** validity of an invite */
  invite: 72 * 3_600_000,
  /** age of T from which a page is amber, and red */
  amber: 15 * 60_000,
  red: 60 * 60_000,
  /** session idle and absolute */
  sessionIdle: 15 * 60_000,
  sessionAbsolute: 12 * 3_600_000,
  /** clock skew that raises an alarm, and that refuses time decisions */
  skewAlarm: 5_000,
  /** how far ahead of the reader's clock a time of the other side may lie and still be believed */
  clockAhead: 60_000,
} as const;
