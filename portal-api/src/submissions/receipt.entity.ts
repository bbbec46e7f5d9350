import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { binary, uuid } from '../database/hex-column.js';

/** The two states the DMZ itself knows; later ones arrive sealed. */
@Entity('receipt')
@Index('ix_receipt_account_ref', ['accountRef', 'savedAt'])
export class Receipt {
  @PrimaryColumn(uuid())
  submissionId!: string;

  @Column(binary(16))
  accountRef!: string;

  @Column({ ...binary(16), nullable: true })
  patientRef!: string | null;

  @Column({ type: 'varchar', length: 32 })
  kind!: string;

  @Column({ type: 'varchar', length: 12 })
  state!: 'saved' | 'collected';

  @Column({ type: 'datetime', precision: 3 })
  savedAt!: Date;

  @Column({ type: 'datetime', precision: 3, nullable: true })
  collectedAt!: Date | null;
}
