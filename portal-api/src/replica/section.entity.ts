import { Column, Entity, PrimaryColumn } from 'typeorm';
import { binary } from '../database/hex-column.js';

/** A sealed section. Exactly those that the chart's manifest names exist. */
@Entity('section')
export class Section {
  @PrimaryColumn(binary(16))
  patientRef!: string;

  @PrimaryColumn(binary(32))
  sectionId!: string;

  @Column({ type: 'int' })
  era!: number;

  @Column({ type: 'int' })
  seq!: number;

  @Column({ type: 'int' })
  epoch!: number;

  @Column(binary(32))
  sha256!: string;

  @Column({ type: 'longblob' })
  sealed!: Buffer;
}
