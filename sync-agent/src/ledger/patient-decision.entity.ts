import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { hexColumn } from './columns.js';

export const PATIENT_DECISIONS = ['revoked', 'frozen', 'confirmed', 'returned'] as const;
export type PatientDecisionKind = (typeof PATIENT_DECISIONS)[number];

/** Why a patient's access ended, waits, or goes on, as `patients` prints it. */
export const DECISION_CAUSES = {
  'portal-not-allowed': 'OpenEMR does not allow the patient the portal',
  'too-many-barred': 'OpenEMR barred so many patients at once that it may be a mishap',
  'record-missing': 'OpenEMR no longer has the patient: merged into another, or deleted',
  'record-replaced': "OpenEMR's record has another name and date of birth, or is another row",
  'rows-moved': "rows of another patient were moved into this patient's record, as in a merge",
  'rows-moved-away': "this patient's record was moved into another patient's, as in a merge",
  restore: "since a restore of OpenEMR the record may be another person's",
  staff: 'staff decided it on the command line',
  invited: 'staff invited the patient again',
} as const;
export type DecisionCause = keyof typeof DECISION_CAUSES;

/** What was decided about a patient's access, by whom and why. Rows are added; the DMZ's answer is noted once. Kept. */
@Entity('patient_decision')
@Index('ix_patient_decision_at', ['decision', 'at'])
export class PatientDecision {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  @Index('ix_patient_decision_patient')
  @Column({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @Column({ type: 'varchar', length: 10 })
  decision!: PatientDecisionKind;

  @Column({ type: 'varchar', length: 20 })
  cause!: DecisionCause;

  @Column({ name: 'decided_by', type: 'varchar', length: 8 })
  decidedBy!: 'agent' | 'staff';

  @Column({ type: 'datetime', precision: 3 })
  at!: Date;

  /** when the DMZ had shredded keys and chart, by its own clock; null while it has not said so */
  @Column({ name: 'revoked_at', type: 'datetime', precision: 3, nullable: true })
  revokedAt!: Date | null;

  /** as the DMZ said */
  @Column({ name: 'sections_deleted', type: 'int', nullable: true })
  sectionsDeleted!: number | null;
}
