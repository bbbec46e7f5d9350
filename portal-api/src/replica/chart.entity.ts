import { Column, Entity, PrimaryColumn } from 'typeorm';
import { binary } from '../database/hex-column.js';

/** The newest manifest of a chart. `era, seq` only ever rise. */
@Entity('chart')
export class Chart {
  @PrimaryColumn(binary(16))
  patientRef!: string;

  @Column({ type: 'int' })
  era!: number;

  @Column({ type: 'int' })
  seq!: number;

  /** JSON of `Signed` */
  @Column({ type: 'mediumtext' })
  manifest!: string;

  @Column(binary(32))
  manifestHash!: string;

  @Column({ type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
