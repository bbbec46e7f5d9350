import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import type { Signed } from 'sync-contract/signed';
import { hexColumn, jsonColumn, wholeColumn } from './columns.js';

/** `dmz`: the ledger with what the DMZ holds. `openemr`: the ledger with what OpenEMR says when all is read again. */
export const RECONCILIATION_KINDS = ['dmz', 'openemr'] as const;
export type ReconciliationKind = (typeof RECONCILIATION_KINDS)[number];

/** One comparison that came to its end. Kept for 400 days. */
@Entity('reconciliation')
@Index('ix_reconciliation_kind', ['kind', 'endedAt'])
export class Reconciliation {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  @Column({ type: 'varchar', length: 8 })
  kind!: ReconciliationKind;

  @Column({ name: 'began_at', type: 'datetime', precision: 3 })
  beganAt!: Date;

  @Column({ name: 'ended_at', type: 'datetime', precision: 3 })
  endedAt!: Date;

  @Column({ type: 'int' })
  charts!: number;

  @Column({ type: 'int' })
  sections!: number;

  /** charts that were on their way just then, or could not be read */
  @Column({ type: 'int' })
  skipped!: number;

  /** of all kinds together */
  @Column({ type: 'int' })
  differences!: number;

  /** JSON object: number by kind of difference */
  @Column({ type: 'varchar', length: 1000, transformer: jsonColumn })
  found!: Record<string, number>;
}

/** What the agent swears to of one day of the clinic. */
@Entity('reconciliation_statement')
export class ReconciliationStatementRow {
  /** `yyyy-MM-dd` */
  @PrimaryColumn({ type: 'char', length: 10 })
  day!: string;

  @Column({ type: 'mediumtext', transformer: jsonColumn })
  signed!: Signed;

  @Column({ name: 'made_at', type: 'datetime', precision: 3 })
  madeAt!: Date;
}

/** How far the nightly comparison is, and whether too much has vanished; one row. */
@Entity('reconciliation_state')
export class ReconciliationState {
  @PrimaryColumn({ type: 'tinyint' })
  id!: number;

  /** day of the clinic whose nightly comparison is under way or done */
  @Column({ name: 'content_day', type: 'char', length: 10, nullable: true })
  contentDay!: string | null;

  /** every chart up to this one was compared; null when all were */
  @Column({ name: 'content_after', type: 'binary', length: 16, nullable: true, transformer: hexColumn })
  contentAfter!: string | null;

  @Column({ name: 'content_began_at', type: 'datetime', precision: 3, nullable: true })
  contentBeganAt!: Date | null;

  /** what the comparison under way has counted so far */
  @Column({ name: 'content_so_far', type: 'varchar', length: 1000, nullable: true, transformer: jsonColumn })
  contentSoFar!: Record<string, unknown> | null;

  /** what the last comparison with the DMZ saw on both sides, by class of records */
  @Column({ type: 'mediumtext', nullable: true, transformer: jsonColumn })
  compared!: Record<string, unknown> | null;

  /** since when charts that lose entries wait for a person */
  @Column({ name: 'vanishing_stopped_at', type: 'datetime', precision: 3, nullable: true })
  vanishingStoppedAt!: Date | null;

  /** a person has confirmed the loss; until then it goes out */
  @Column({ name: 'vanishing_allowed_until', type: 'datetime', precision: 3, nullable: true })
  vanishingAllowedUntil!: Date | null;
}

/**
 * Something that a comparison found different, from then until a later one found it right or gone. One row while it lasts.
 * Kept for 400 days.
 */
@Entity('reconciliation_difference')
@Index('ix_reconciliation_difference_healed_at', ['healedAt'])
@Index('ix_reconciliation_difference_chart', ['patientRef', 'healedAt'])
export class ReconciliationDifference {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  /** of a chart that belongs to nobody, the one under which the DMZ holds it */
  @Column({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  /** empty for a chart as a whole, its grants, and sections that have no name inside */
  @Column({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  @Column({ type: 'varchar', length: 24 })
  difference!: string;

  @Column({ name: 'found_at', type: 'datetime', precision: 3 })
  foundAt!: Date;

  @Column({ name: 'healed_at', type: 'datetime', precision: 3, nullable: true })
  healedAt!: Date | null;
}

/** That a person has read the statement of a day, as the agent signed it. Rows are only added. */
@Entity('reconciliation_sign_off')
@Index('ix_reconciliation_sign_off_day', ['day'])
export class ReconciliationSignOff {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  /** `yyyy-MM-dd` of the statement */
  @Column({ type: 'char', length: 10 })
  day!: string;

  @Column({ type: 'mediumtext', transformer: jsonColumn })
  signed!: Signed;

  @Column({ name: 'made_at', type: 'datetime', precision: 3 })
  madeAt!: Date;
}

/** A submission that vanished from the DMZ before it was collected, or a number of a stream without one. Kept. */
@Entity('lost_submission')
export class LostSubmission {
  /** `submission <id>` or `stream <id> <number>` */
  @PrimaryColumn({ type: 'varchar', length: 70 })
  place!: string;

  @Column({ name: 'found_at', type: 'datetime', precision: 3 })
  foundAt!: Date;

  /** a person knows of it */
  @Column({ name: 'confirmed_at', type: 'datetime', precision: 3, nullable: true })
  confirmedAt!: Date | null;
}

/**
 * Entries of a class as the gateway last acknowledged them. Unlike its sections they are not forgotten when the DMZ is owed
 * everything again: what vanished from OpenEMR meanwhile is told by them.
 */
@Entity('acked_class')
export class AckedClass {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  @Column({ type: 'int' })
  entries!: number;

  /** of the last push that was made of the class */
  @Column({ type: 'bigint', transformer: wholeColumn })
  seq!: number;
}

/** Entries that a chart lost with the push after this number. Kept for as long as they count together. */
@Entity('vanished')
@Index('ix_vanished_at', ['at'])
export class Vanished {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  @Column({ type: 'int' })
  entries!: number;

  @Column({ type: 'datetime', precision: 3 })
  at!: Date;
}

/** What one class lost with that push. Kept as long. */
@Entity('vanished_class')
@Index('ix_vanished_class_at', ['at'])
export class VanishedClass {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  @Column({ type: 'int' })
  entries!: number;

  /** 1: nothing of the class was left */
  @Column({ type: 'tinyint' })
  emptied!: number;

  @Column({ type: 'datetime', precision: 3 })
  at!: Date;
}

/** A chart would lose all that is clinical, and waits for a person. Kept until the loss is over or has gone out. */
@Entity('held_loss')
export class HeldLoss {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @Column({ name: 'held_at', type: 'datetime', precision: 3 })
  heldAt!: Date;

  /** a person has looked: the loss may go out */
  @Column({ name: 'allowed_at', type: 'datetime', precision: 3, nullable: true })
  allowedAt!: Date | null;
}
