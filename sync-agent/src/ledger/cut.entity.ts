import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn } from './columns.js';

/** What was said about trust in the DMZ; rows are added, the newest counts, and while it says `cut` the agent rests. */
@Entity('cut')
export class CutRow {
  /** of the signed statement; UTC */
  @PrimaryColumn({ name: 'issued_at', type: 'datetime', precision: 3 })
  issuedAt!: Date;

  @Column({ type: 'varchar', length: 6 })
  state!: 'cut' | 'lifted';

  /** SHA-256 of the agent's certificate that was revoked with it */
  @Column({ name: 'revoked', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  revoked!: string | null;
}
