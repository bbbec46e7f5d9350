import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { sealEnvelope } from 'sync-contract/envelope';
import { newRef } from 'sync-contract/identifiers';
import { sealOwnCopy } from 'sync-contract/own-copy';
import {
  SUBMISSION_PAYLOADS,
  assertSubmissionKind,
  type EnrolmentPayload,
  type SubmissionKind,
} from 'sync-contract/submission';
import { DataSource, type EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { PortalConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { hexBytes, uuidBytes, uuidText } from '../database/hex-column.js';
import { settleTransaction } from '../database/settle-transaction.js';
import { Doorbell } from '../doorbell/doorbell.js';
import { sealingKey } from './sealing-key.js';
import { ClinicCatchingUp, IdempotencyConflict, ThreadNotFound, TooManySubmissions } from './submission.problems.js';

/** Submissions of one account within 24 hours. */
export const DAILY_SUBMISSIONS = 200;

/** What a signed-in person sends about a chart. */
export interface NewSubmission {
  kind: Exclude<SubmissionKind, 'enrolment'>;
  accountRef: string;
  patientRef: string;
  /** null begins a stream; `claims` begins this one when it is not known yet, after its owner was proved */
  stream: { id: string; claims: boolean } | null;
  /** what was asked for, the same for every repetition of the request */
  request: unknown;
  /** what is sealed; called once the stream is known */
  payload: (stream: string, at: Date) => unknown;
  idempotencyKey: string;
  /** class key that the sender's own copy is sealed under */
  copyKey: Uint8Array;
  /** key that only the account's password opens; unlike the class key it outlives a change of the chart's key */
  accountKey: Uint8Array;
  origin: AuditOrigin;
}

export interface NewEnrolment {
  accountRef: string;
  /** key that only the account's password opens */
  accountKey: Uint8Array;
  payload: EnrolmentPayload;
  origin: AuditOrigin;
}

export interface SavedSubmission {
  submissionId: string;
  stream: string;
  streamSeq: number;
  state: 'saved';
  savedAt: Date;
}

interface Entry {
  kind: SubmissionKind;
  accountRef: string;
  patientRef: string | null;
  stream: string;
  streamSeq: number;
  submissionId: string;
  payload: unknown;
  idempotencyKey: string;
  bodyMac: Buffer;
  at: Date;
}

/**
 * Takes submissions. What was answered as saved is durable, sealed to the inside, and in its stream's order without gaps;
 * the same request again gets the same answer and adds nothing.
 */
@Injectable()
export class SubmissionsService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
    private readonly audit: AuditService,
    private readonly doorbell: Doorbell,
  ) {}

  /** @throws IdempotencyConflict, ThreadNotFound, TooManySubmissions, ClinicCatchingUp, ClinicKeysMissing, SubmissionKindNotSupported */
  async submit(submission: NewSubmission): Promise<SavedSubmission> {
    const { accountRef, patientRef, idempotencyKey } = submission;
    const kind = assertSubmissionKind(submission.kind);
    const bodyMac = macOf(submission.accountKey, { kind, patientRef, request: submission.request });
    const saved = await settleTransaction(this.dataSource, async (manager) => {
      const earlier = await this.earlier(manager, accountRef, idempotencyKey, bodyMac);
      if (earlier !== undefined) {
        return earlier;
      }
      await this.assertTaking(manager, accountRef);
      const at = new Date();
      const { stream, streamSeq } = await this.takeNumber(manager, accountRef, patientRef, submission.stream);
      const payload = SUBMISSION_PAYLOADS[kind].parse(submission.payload(stream, at));
      const submissionId = uuidv7();
      await this.write(manager, {
        kind,
        accountRef,
        patientRef,
        stream,
        streamSeq,
        submissionId,
        payload,
        idempotencyKey,
        bodyMac,
        at,
      });
      const header = { site: this.config.siteId, patientRef, submissionId };
      await manager.query(
        'INSERT INTO own_copy (submission_id, account_ref, patient_ref, stream, kind, sealed, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
        [
          uuidBytes(submissionId),
          hexBytes(accountRef),
          hexBytes(patientRef),
          hexBytes(stream),
          kind,
          sealOwnCopy(submission.copyKey, header, payload),
          at,
        ],
      );
      await this.audit.append(manager, {
        ...submission.origin,
        action: 'submission',
        outcome: 'ok',
        onBehalfOf: patientRef,
        object: submissionId,
      });
      crashPoint('before-commit:submission');
      return { submissionId, stream, streamSeq, state: 'saved' as const, savedAt: at };
    });
    crashPoint('after-commit:submission');
    this.doorbell.ring();
    return saved;
  }

  /**
   * Adds the acceptance of an invite to the caller's transaction; the caller rings the doorbell after its commit. All of
   * an account's acceptances share one stream, named like the account. No copy is kept: it holds a date of birth.
   * @throws ClinicKeysMissing, ClinicCatchingUp, TooManySubmissions
   */
  async submitEnrolment(manager: EntityManager, enrolment: NewEnrolment): Promise<SavedSubmission> {
    const { accountRef } = enrolment;
    await this.assertTaking(manager, accountRef);
    const at = new Date();
    const { stream, streamSeq } = await this.takeNumber(manager, accountRef, null, { id: accountRef, claims: true });
    const submissionId = uuidv7();
    const payload = SUBMISSION_PAYLOADS.enrolment.parse(enrolment.payload);
    await this.write(manager, {
      kind: 'enrolment',
      accountRef,
      patientRef: null,
      stream,
      streamSeq,
      submissionId,
      payload,
      idempotencyKey: submissionId,
      bodyMac: macOf(enrolment.accountKey, payload),
      at,
    });
    await this.audit.append(manager, {
      ...enrolment.origin,
      actor: accountRef,
      action: 'submission',
      outcome: 'ok',
      object: submissionId,
    });
    return { submissionId, stream, streamSeq, state: 'saved', savedAt: at };
  }

  /** The answer given before to this key. @throws IdempotencyConflict */
  private async earlier(
    manager: EntityManager,
    accountRef: string,
    idempotencyKey: string,
    bodyMac: Buffer,
  ): Promise<SavedSubmission | undefined> {
    const [row] = await manager.query<
      { submission_id: Buffer; stream: Buffer; stream_seq: number; body_mac: Buffer; created_at: Date }[]
    >(
      'SELECT submission_id, stream, stream_seq, body_mac, created_at FROM outbox WHERE account_ref = ? AND idempotency_key = ?',
      [hexBytes(accountRef), idempotencyKey],
    );
    if (row === undefined) {
      return undefined;
    }
    if (!timingSafeEqual(row.body_mac, bodyMac)) {
      throw new IdempotencyConflict();
    }
    return {
      submissionId: uuidText(row.submission_id),
      stream: row.stream.toString('hex'),
      streamSeq: row.stream_seq,
      state: 'saved',
      savedAt: row.created_at,
    };
  }

  /** @throws ClinicCatchingUp, TooManySubmissions */
  private async assertTaking(manager: EntityManager, accountRef: string): Promise<void> {
    const [today] = await manager.query<{ sent: number | string; restored: number | string }[]>(
      `SELECT COUNT(*) AS sent, EXISTS(SELECT 1 FROM restored) AS restored FROM receipt
       WHERE account_ref = ? AND saved_at > DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 1 DAY)`,
      [hexBytes(accountRef)],
    );
    if (Number(today?.restored ?? 0) > 0) {
      throw new ClinicCatchingUp();
    }
    if (Number(today?.sent ?? 0) >= DAILY_SUBMISSIONS) {
      throw new TooManySubmissions();
    }
  }

  /** The stream's next number, with its row locked until the end of the transaction. @throws ThreadNotFound */
  private async takeNumber(
    manager: EntityManager,
    accountRef: string,
    patientRef: string | null,
    wanted: NewSubmission['stream'],
  ): Promise<{ stream: string; streamSeq: number }> {
    const stream = wanted?.id ?? newRef();
    const id = hexBytes(stream);
    const [row] = await manager.query<{ patient_ref: Buffer | null; next_seq: number }[]>(
      'SELECT patient_ref, next_seq FROM stream WHERE stream = ? FOR UPDATE',
      [id],
    );
    if (row === undefined) {
      if (wanted !== null && !wanted.claims) {
        throw new ThreadNotFound();
      }
      await manager.query('INSERT INTO stream (stream, account_ref, patient_ref, next_seq) VALUES (?, ?, ?, 2)', [
        id,
        hexBytes(accountRef),
        patientRef === null ? null : hexBytes(patientRef),
      ]);
      return { stream, streamSeq: 1 };
    }
    if ((row.patient_ref?.toString('hex') ?? null) !== patientRef) {
      throw new ThreadNotFound();
    }
    await manager.query('UPDATE stream SET next_seq = ? WHERE stream = ?', [row.next_seq + 1, id]);
    return { stream, streamSeq: row.next_seq };
  }

  /** Envelope and receipt. */
  private async write(manager: EntityManager, entry: Entry): Promise<void> {
    const { kind, accountRef, patientRef, stream, streamSeq, submissionId, at } = entry;
    const envelope = await sealEnvelope(
      {
        site: this.config.siteId,
        submissionId,
        accountRef,
        patientRef,
        kind,
        stream,
        streamSeq,
        createdAt: at.toISOString(),
      },
      entry.payload,
      await sealingKey(manager, this.config),
    );
    const [id, account] = [uuidBytes(submissionId), hexBytes(accountRef)];
    const patient = patientRef === null ? null : hexBytes(patientRef);
    await manager.query(
      `INSERT INTO outbox (submission_id, account_ref, patient_ref, stream, stream_seq, kind, envelope, state,
         idempotency_key, body_mac, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'NEW', ?, ?, ?)`,
      [
        id,
        account,
        patient,
        hexBytes(stream),
        streamSeq,
        kind,
        JSON.stringify(envelope),
        entry.idempotencyKey,
        entry.bodyMac,
        at,
      ],
    );
    await manager.query(
      "INSERT INTO receipt (submission_id, account_ref, patient_ref, kind, state, saved_at) VALUES (?, ?, ?, ?, 'saved', ?)",
      [id, account, patient, kind, at],
    );
  }
}

/** Fingerprint of a request under a key that the database does not hold, so that content cannot be guessed from it. */
function macOf(key: Uint8Array, request: unknown): Buffer {
  const macKey = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'oe-portal|submission|body-mac', 32));
  return createHmac('sha256', macKey).update(canonicalBytes(request)).digest();
}
