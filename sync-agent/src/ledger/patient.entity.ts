import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hexColumn, wholeColumn } from './columns.js';

export const PATIENT_STATES = ['invited', 'enrolled', 'frozen', 'revoked'] as const;
export type PatientState = (typeof PATIENT_STATES)[number];

/** The map between OpenEMR's pid and the DMZ's patientRef. It exists nowhere else. */
@Entity('patient')
export class Patient {
  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  @Index('uq_patient_ref', { unique: true })
  @Column({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @Column({ type: 'varchar', length: 8 })
  state!: PatientState;

  /** from the enrolment on the patient's mail identity, `patient_access_onsite.portal_username`; compared as OpenEMR does, without case */
  @Index('ix_patient_portal_username')
  @Column({
    name: 'portal_username',
    type: 'varchar',
    length: 100,
    nullable: true,
    collation: 'utf8mb4_general_ci',
  })
  portalUsername!: string | null;

  /** of name and date of birth as they were at the last invite or confirmation, see `recordMac` */
  @Column({ name: 'record_mac', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  recordMac!: string | null;

  /** of OpenEMR's record as it was then: its `id`, and HMACs of name and of date of birth, see `identityOf` */
  @Column({ name: 'record_id', type: 'bigint', nullable: true, transformer: wholeColumn })
  recordId!: number | null;

  @Column({ name: 'name_mac', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  nameMac!: string | null;

  @Column({ name: 'birth_mac', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  birthMac!: string | null;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}
