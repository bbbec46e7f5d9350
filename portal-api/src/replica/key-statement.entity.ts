import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A key statement of the root as it arrived; its signature is checked by every reader, never taken from here. */
@Entity('key_statement')
export class KeyStatementRow {
  @PrimaryColumn({ type: 'char', length: 16 })
  kid!: string;

  /** JSON of `Signed` */
  @Column({ type: 'text' })
  signed!: string;
}
