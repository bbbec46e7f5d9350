import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { binary, uuid } from '../database/hex-column.js';

/** What the sender sees of a submission until the chart contains it; sealed under the chart's class key. */
@Entity('own_copy')
@Index('ix_own_copy_patient_ref', ['patientRef', 'accountRef'])
export class OwnCopy {
  @PrimaryColumn(uuid())
  submissionId!: string;

  @Column(binary(16))
  accountRef!: string;

  @Column(binary(16))
  patientRef!: string;

  @Column(binary(16))
  stream!: string;

  @Column({ type: 'varchar', length: 32 })
  kind!: string;

  @Column({ type: 'mediumblob' })
  sealed!: Buffer;

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date;
}
