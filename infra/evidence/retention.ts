import type { ReadableClass } from 'sync-agent/src/openemr/read-chart';

/** How long the DMZ keeps the rows of a table, and what of them it can read. */
export interface TableRule {
  /** class of data, in the auditor's words */
  holds: string;
  /** what protects the content from whoever has the table */
  protection: string;
  retention: string;
  /** rows whose column is older than so many days break the rule; `when` limits the rule to some rows */
  limit?: { column: string; days: number; when?: string };
  /** moment a row came to be, where the table has one: a column or an expression */
  age?: string;
  /** what is counted as bytes of content */
  content: string;
}

/** Every table of the DMZ's database. The inventory refuses one that is missing here. */
export const DMZ_TABLES: Record<string, TableRule> = {
  account: {
    holds: 'sign-ins: keyed index of the name, verifier, wrapped keys, public key',
    protection: 'derived from argon2id and the pepper; private key and TOTP secret sealed by the password',
    retention: 'as long as the account exists; its wrapped keys until it is revoked, the rest for 30 days more',
    limit: { column: 'revoked_at', days: 30 },
    age: 'created_at',
    content: 'private_key_wrapped',
  },
  audit_entry: {
    holds: 'what accounts did and when, by random ids',
    protection: 'readable; hash chain, no account may change or delete a row',
    retention: 'kept; there is no automatic end',
    age: "JSON_VALUE(body, '$.at')",
    content: 'body',
  },
  audit_head: {
    holds: 'the lock that orders who adds audit entries',
    protection: 'readable',
    retention: 'one row, kept',
    content: 'id',
  },
  chart: {
    holds: 'signed list of the sections of a chart: ids, sizes, hashes, times',
    protection: 'readable, signed inside; section ids are HMACs',
    retention: 'until replaced by the next version or revoked',
    age: 'updated_at',
    content: 'manifest',
  },
  chart_grant: {
    holds: 'which account may read which chart, with the chart key sealed to the account',
    protection: 'terms readable and signed inside; the key is sealed (HPKE)',
    retention: 'until revoked',
    age: 'starts_at',
    content: 'signed',
  },
  cut_statement: {
    holds: 'that the inside cut the DMZ off or trusted it again, with fingerprints of revoked certificates',
    protection: 'readable, signed inside; no account may change or delete a row',
    retention: 'kept',
    age: 'issued_at',
    content: 'signed',
  },
  document_blob: {
    holds: 'which documents of a chart have their bytes here: random ids, padded sizes, hashes, times',
    protection: 'readable; the list entry that says what it is lies sealed in a section',
    retention: 'until the chart no longer lists the document in this form, or until revoked',
    age: 'created_at',
    content: 'sha256',
  },
  document_chunk: {
    holds: 'documents, in chunks of 64 KiB',
    protection: 'AES-256-GCM under a key of its own per document, which lies in the sealed section of documents',
    retention: 'with their document_blob row',
    content: 'sealed',
  },
  era: {
    holds: 'eras that a restore began',
    protection: 'readable, signed by the root',
    retention: 'kept',
    content: 'signed',
  },
  heartbeat: {
    holds: 'how current the whole replica is',
    protection: 'readable, signed inside',
    retention: 'one row, replaced at least every 60 s',
    content: 'signed',
  },
  heartbeat_bucket: {
    holds: 'manifest numbers and hashes by patientRef',
    protection: 'readable, under the signed root',
    retention: 'replaced with its bucket',
    content: 'leaves',
  },
  invite: {
    holds: 'invites: id, HMAC of the secret, expiry',
    protection: 'the secret is not here',
    retention: '7 days after expiry',
    limit: { column: 'expires_at', days: 7 },
    content: 'lookup',
  },
  key_statement: {
    holds: "public halves of the agent's keys",
    protection: 'public, signed by the root',
    retention: 'kept',
    content: 'signed',
  },
  outbox: {
    holds: 'submissions sealed to the inside, with kind, ids, times',
    protection: 'sealed (HPKE) to a key that only the inside has',
    retention: '30 days after the agent acknowledged them',
    limit: { column: 'acked_at', days: 30, when: "state = 'ACKED'" },
    age: 'created_at',
    content: 'envelope',
  },
  own_copy: {
    holds: "the sender's own copy of a submission",
    protection: "AES-256-GCM under the chart's class key",
    retention: 'until the signed section holds the same submission; there is no other end',
    age: 'created_at',
    content: 'sealed',
  },
  receipt: {
    holds: 'kind and state of each submission, by random ids',
    protection: 'readable',
    retention: 'kept; there is no automatic end',
    age: 'saved_at',
    content: 'submission_id',
  },
  restored: {
    holds: 'that this database comes from a backup',
    protection: 'readable',
    retention: 'until the inside has caught up',
    age: 'at',
    content: 'id',
  },
  section: {
    holds: 'charts: one padded, sealed section per row',
    protection: 'AES-256-GCM under a class key; the section id is an HMAC of its name',
    retention: 'until the next version, until it leaves the chart, or until revoked',
    content: 'sealed',
  },
  stream: {
    holds: 'order of delivery, by random ids',
    protection: 'readable',
    retention: 'kept; there is no automatic end',
    content: 'stream',
  },
  throttle: {
    holds: 'counters of failed sign-ins by keyed hash',
    protection: 'buckets are keyed hashes',
    retention: '2 days after the last try',
    limit: { column: 'updated_at', days: 2 },
    age: 'updated_at',
    content: 'bucket',
  },
  migrations: { holds: 'names of migrations', protection: 'readable', retention: 'kept', content: 'name' },
};

/** Keys in the DMZ's Redis by prefix. */
export const REDIS_PREFIXES: Record<string, { holds: string; lifetime: string; expires: boolean }> = {
  'session:': {
    holds: 'sessions under SHA-256 of the session id, AES-GCM; half of the key is in the cookie only',
    lifetime: '15 minutes idle, 12 hours at most',
    expires: true,
  },
  'pending:': { holds: 'sign-ins between password and code, sealed likewise', lifetime: 'minutes', expires: true },
  'bull-dmz': { holds: 'doorbells and schedules: random ids only', lifetime: 'until done', expires: false },
};

/** Why a class of records leaves the inside at all. */
export const PURPOSES: Record<ReadableClass | 'receipts', string> = {
  profile: 'the person sees and checks who the practice says they are, and whom to call',
  problems: 'the person sees which problems the practice keeps on record, and what became of them',
  medications: 'the person sees what to take, how, since when and from whom',
  allergies: 'the person sees and checks what they must not be given, and what it did to them',
  immunizations:
    'the person sees, and shows a school or employer, which vaccines were given when, by whom and of which lot',
  procedures: 'the person sees what was done to them and when',
  'social-history':
    'the person sees and checks what the practice noted of habits, needs, pregnancy, occupation and orientation',
  devices: 'the person can name an implanted device to whoever asks, as in a recall',
  results: 'the person sees laboratory results with the ranges of the laboratory',
  'care-team': 'the person sees who looks after them and how to reach those of their own',
  'care-plan': 'the person sees what was agreed to be done',
  goals: 'the person sees what is aimed at, by when',
  assessments: 'the person sees scores, states and the answers they gave',
  practice: 'the person sees where the practice is, who works there and whether it takes messages',
  billing: 'the person sees what they owe and for what',
  appointments: 'the person sees when and where to come, and when they came',
  coverage:
    'the person checks which insurance the practice has on file; of the member id only the last four characters',
  documents: 'the person sees what was filed in the chart, and opens it',
  messages: 'the person and the practice write to each other',
  vitals: 'the person sees what was measured and how it changes over time',
  encounters: 'the person sees when they were seen, where, by whom and why',
  notes: 'the person reads what those who treat them wrote',
  reports: 'the person reads what an examination showed',
  receipts: 'the person sees what became of what they sent',
};

export const SECTION_TERMS = {
  direction: 'out',
  dmzTable: 'section',
  protection: 'AES-256-GCM under the class key of the chart; manifest and heartbeat signed inside',
} as const;

export const SUBMISSION_TERMS = {
  direction: 'in',
  dmzTable: 'outbox',
  protection: 'HPKE to the sealing key of the inside, before anything is stored',
} as const;
