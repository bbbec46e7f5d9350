import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import { hexColumn, wholeColumn } from './columns.js';

/**
 * `hold`: one item of one patient. `rule`: every item of a class, code or sensitivity, of one patient or of all. `recall`:
 * one item that was in the portal and is withdrawn for correction. `wish`: the patient's own, that new results wait until a
 * clinician has seen them. `show`: one result that the patient does not want to wait for, as long as the wish lasts.
 */
export const DECISION_KINDS = ['hold', 'rule', 'recall', 'wish', 'show'] as const;
export type DecisionKind = (typeof DECISION_KINDS)[number];

/**
 * A person's decision that something may not be in the portal. Kept for ever, never changed but for its end; in force as
 * long as `ended_at` is null, whatever the clock says, so that equal rows always give equal charts.
 */
@Entity('release_decision')
@Index('ix_release_decision_in_force', ['endedAt', 'pid'])
export class ReleaseDecisionRow {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'varchar', length: 8 })
  kind!: DecisionKind;

  /** null: a rule for all patients */
  @Column({ type: 'bigint', nullable: true, transformer: wholeColumn })
  pid!: number | null;

  /** the item; null for a rule and a wish */
  @Column({ name: 'resource_id', type: 'binary', length: 16, nullable: true, transformer: hexColumn })
  resourceId!: string | null;

  @Column({ name: 'record_class', type: 'varchar', length: 32, nullable: true })
  recordClass!: string | null;

  /** FHIR system of `code`; empty for codes that have none */
  @Column({ name: 'code_system', type: 'varchar', length: 190, nullable: true })
  codeSystem!: string | null;

  /** with `*` at its end: every code that begins so */
  @Column({ type: 'varchar', length: 100, nullable: true })
  code!: string | null;

  @Column({ type: 'varchar', length: 16, nullable: true })
  sensitivity!: string | null;

  /** provision of 45 CFR part 171, see `RELEASE_REASONS` */
  @Column({ type: 'varchar', length: 16 })
  reason!: string;

  /** OpenEMR's user name of who decided; of a patient's wish `account` and its accountRef */
  @Column({ type: 'varchar', length: 255 })
  author!: string;

  /** account of the agent's host that ran the command */
  @Column({ type: 'varchar', length: 64 })
  operator!: string;

  @Column({ name: 'made_at', type: 'datetime', precision: 3 })
  madeAt!: Date;

  /** null: until somebody lifts it */
  @Column({ name: 'expires_at', type: 'datetime', precision: 3, nullable: true })
  expiresAt!: Date | null;

  @Column({ name: 'ended_at', type: 'datetime', precision: 3, nullable: true })
  endedAt!: Date | null;

  /** OpenEMR's user name of who lifted it, or an account as in `author`; null when it expired */
  @Column({ name: 'ended_by', type: 'varchar', length: 255, nullable: true })
  endedBy!: string | null;

  /** of a wish: reports with a higher number in OpenEMR are new; null for all else */
  @Column({ name: 'after_report', type: 'bigint', nullable: true, transformer: wholeColumn })
  afterReport!: number | null;
}

/** An item that a decision kept out of a chart, from the first render that left it out. Items nobody holds have no row. */
@Entity('withheld_item')
@Index('ix_withheld_item_pid', ['pid', 'endedAt'])
@Index('ix_withheld_item_decision', ['decisionId', 'endedAt'])
export class WithheldItemRow {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  @Column({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  @Column({ name: 'resource_id', type: 'binary', length: 16, transformer: hexColumn })
  resourceId!: string;

  @Column({ name: 'resource_type', type: 'varchar', length: 40 })
  resourceType!: string;

  @Column({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  @Column({ name: 'decision_id', type: 'int' })
  decisionId!: number;

  @Column({ type: 'datetime', precision: 3 })
  since!: Date;

  /** acknowledgement of the push that carries the item, or that the chart without it was found unchanged */
  @Column({ name: 'ended_at', type: 'datetime', precision: 3, nullable: true })
  endedAt!: Date | null;

  /** number of that push; null when the item left OpenEMR, or is kept out by another decision */
  @Column({ name: 'released_seq', type: 'bigint', nullable: true, transformer: wholeColumn })
  releasedSeq!: number | null;
}

/** How many changes of a day needed how long from OpenEMR's commit to the DMZ's acknowledgement. Kept for 400 days. */
@Entity('release_time')
export class ReleaseTime {
  /** UTC, `yyyy-MM-dd` */
  @PrimaryColumn({ type: 'char', length: 10 })
  day!: string;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  /** not more than so many seconds, and more than the step below; 0: more than the highest step; -1: nobody knows */
  @PrimaryColumn({ type: 'int' })
  within!: number;

  @Column({ type: 'int' })
  changes!: number;
}

/** A change that took longer than the aim, or nobody knows how long. Kept for 400 days. */
@Entity('late_release')
@Index('ix_late_release_acked_at', ['ackedAt'])
export class LateRelease {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ type: 'int' })
  era!: number;

  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  /** not committed before this moment; null when nobody knows */
  @Column({ name: 'changed_at', type: 'datetime', precision: 3, nullable: true })
  changedAt!: Date | null;

  @Column({ name: 'acked_at', type: 'datetime', precision: 3 })
  ackedAt!: Date;
}

/**
 * A version of a section that the DMZ acknowledged, entry by entry. Never changed. Goes when one that followed it is 400
 * days old: what was in the portal then is always known.
 */
@Entity('released_section')
@Index('ix_released_section_acked_at', ['ackedAt'])
export class ReleasedSectionRow {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ type: 'varchar', length: 100 })
  name!: string;

  @PrimaryColumn({ type: 'int' })
  era!: number;

  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  /** SHA-256 of the section's canonical JSON; null when with this push the section left the chart */
  @Column({ name: 'content_hash', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  contentHash!: string | null;

  /**
   * for each entry 16 bytes of its id and the first 16 of SHA-256 of its canonical JSON; null: acknowledged before this
   * table was there
   */
  @Column({ type: 'mediumblob', nullable: true })
  items!: Buffer | null;

  @Column({ name: 'acked_at', type: 'datetime', precision: 3 })
  ackedAt!: Date;
}
