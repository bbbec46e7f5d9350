import { Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';
import { hexColumn, jsonColumn, uuidColumn, wholeColumn } from './columns.js';

export const SUBMISSION_STATES = ['RECEIVED', 'QUARANTINED', 'DONE', 'REFUSED'] as const;
export type SubmissionState = (typeof SUBMISSION_STATES)[number];

/** A submission that was collected; its id is kept for ever, so that it can take effect once only. */
@Entity('submission')
@Unique('uq_submission_stream_seq', ['stream', 'streamSeq'])
@Index('ix_submission_state_stream', ['state', 'stream'])
@Index('ix_submission_patient', ['patientRef', 'receivedAt'])
export class Submission {
  @PrimaryColumn({ name: 'submission_id', type: 'binary', length: 16, transformer: uuidColumn })
  submissionId!: string;

  @Column({ name: 'account_ref', type: 'binary', length: 16, transformer: hexColumn })
  accountRef!: string;

  @Column({ name: 'patient_ref', type: 'binary', length: 16, nullable: true, transformer: hexColumn })
  patientRef!: string | null;

  @Column({ type: 'varchar', length: 32 })
  kind!: string;

  @Column({ type: 'binary', length: 16, transformer: hexColumn })
  stream!: string;

  @Column({ name: 'stream_seq', type: 'int' })
  streamSeq!: number;

  /** JSON text as it was collected, still sealed */
  @Column({ type: 'mediumtext' })
  envelope!: string;

  /** DONE is committed in the same transaction as the rows in OpenEMR */
  @Column({ type: 'varchar', length: 12 })
  state!: SubmissionState;

  @Column({ type: 'varchar', length: 500, nullable: true })
  reason!: string | null;

  @Column({ name: 'received_at', type: 'datetime', precision: 3 })
  receivedAt!: Date;

  @Column({ name: 'done_at', type: 'datetime', precision: 3, nullable: true })
  doneAt!: Date | null;

  /** a manifest that was acknowledged contains it; the sender's own copy in the DMZ is gone */
  @Column({ name: 'settled_at', type: 'datetime', precision: 3, nullable: true })
  settledAt!: Date | null;

  /** ids of the rows written in OpenEMR */
  @Column({ type: 'mediumtext', nullable: true, transformer: jsonColumn })
  effect!: object | null;
}

/** Order of delivery: `next_seq` is the number that is delivered next. */
@Entity('stream')
export class Stream {
  @PrimaryColumn({ type: 'binary', length: 16, transformer: hexColumn })
  stream!: string;

  @Column({ name: 'patient_ref', type: 'binary', length: 16, nullable: true, transformer: hexColumn })
  patientRef!: string | null;

  @Column({ type: 'varchar', length: 32 })
  kind!: string;

  @Column({ name: 'next_seq', type: 'int', default: 1 })
  nextSeq!: number;

  @Column({ name: 'stopped_reason', type: 'varchar', length: 500, nullable: true })
  stoppedReason!: string | null;
}

/** A message thread of the portal and the mails of OpenEMR it began with. */
@Entity('thread')
@Index('ix_thread_pid', ['pid'])
export class Thread {
  @PrimaryColumn({ name: 'thread_id', type: 'binary', length: 16, transformer: hexColumn })
  threadId!: string;

  @Column({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  @Column({ type: 'varchar', length: 32 })
  topic!: string;

  @Column({ type: 'varchar', length: 255 })
  subject!: string;

  @Column({ name: 'first_patient_mail_id', type: 'bigint', nullable: true, transformer: wholeColumn })
  firstPatientMailId!: number | null;

  @Column({ name: 'first_staff_mail_id', type: 'bigint', nullable: true, transformer: wholeColumn })
  firstStaffMailId!: number | null;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}

/** Which thread a mail of OpenEMR belongs to, and which submission it was written for. */
@Entity('thread_mail')
@Index('ix_thread_mail_thread', ['threadId'])
export class ThreadMail {
  @PrimaryColumn({ name: 'mail_id', type: 'bigint', transformer: wholeColumn })
  mailId!: number;

  @Column({ name: 'thread_id', type: 'binary', length: 16, transformer: hexColumn })
  threadId!: string;

  @Column({ name: 'submission_id', type: 'binary', length: 16, nullable: true, transformer: uuidColumn })
  submissionId!: string | null;
}
