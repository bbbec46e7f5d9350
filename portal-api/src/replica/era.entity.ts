import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The root's statement that an era has begun, as it arrived; its signature is checked by every reader. */
@Entity('era')
export class EraRow {
  @PrimaryColumn({ type: 'int' })
  era!: number;

  /** JSON of `Signed` */
  @Column({ type: 'text' })
  signed!: string;
}
