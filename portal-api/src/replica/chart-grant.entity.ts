import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { binary } from '../database/hex-column.js';

/** A signed grant with the columns it is looked up by; who relies on its terms verifies `signed`. */
@Entity('chart_grant')
@Index('ix_chart_grant_account_ref', ['accountRef'])
@Index('ix_chart_grant_patient_ref', ['patientRef'])
export class ChartGrant {
  @PrimaryColumn(binary(16))
  grantId!: string;

  @Column(binary(16))
  accountRef!: string;

  @Column(binary(16))
  patientRef!: string;

  /** JSON of `Signed` */
  @Column({ type: 'text' })
  signed!: string;

  @Column({ type: 'int' })
  epoch!: number;

  @Column({ type: 'datetime', precision: 3 })
  startsAt!: Date;

  @Column({ type: 'datetime', precision: 3, nullable: true })
  endsAt!: Date | null;
}
