import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * One row with id 1 while this database comes from a backup and the inside has not told which numbers the streams go on
 * with: a submission taken now could get a number that the inside has seen, and be set aside there.
 */
@Entity('restored')
export class RestoredRow {
  @PrimaryColumn({ type: 'tinyint', unsigned: true })
  id!: number;

  @Column({ type: 'datetime', precision: 3 })
  at!: Date;
}
