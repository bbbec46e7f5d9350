import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn, wholeColumn } from './columns.js';

/** A section the gateway acknowledged. The hash of its plain content stays here and goes nowhere. */
@Entity('chart_section')
export class ChartSection {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ type: 'varchar', length: 100 })
  name!: string;

  @Column({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  @Column({ name: 'section_id', type: 'binary', length: 32, transformer: hexColumn })
  sectionId!: string;

  @Column({ type: 'int' })
  era!: number;

  @Column({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  @Column({ type: 'int' })
  epoch!: number;

  @Column({ name: 'content_hash', type: 'binary', length: 32, transformer: hexColumn })
  contentHash!: string;

  /** of the sealed bytes */
  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  sha256!: string;

  @Column({ type: 'int' })
  size!: number;

  @Column({ name: 'as_of', type: 'datetime', precision: 3 })
  asOf!: Date;

  /** the DMZ was found to hold something else: it is sealed and pushed again though its content is the same */
  @Column({ type: 'tinyint', default: 0 })
  owed!: number;

  /** what a person would count in it: resources, messages */
  @Column({ type: 'int', default: 0 })
  entries!: number;
}
