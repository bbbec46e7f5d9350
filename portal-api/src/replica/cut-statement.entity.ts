import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hexColumn } from '../database/hex-column.js';

/** A statement of the inside that the DMZ is cut off, or trusted again; checked by every reader, never taken from here. */
@Entity('cut_statement')
export class CutStatementRow {
  /** SHA-256 of the signed text */
  @PrimaryColumn({ type: 'binary', length: 32, transformer: hexColumn })
  statementHash!: string;

  @Index()
  @Column({ type: 'datetime', precision: 3 })
  issuedAt!: Date;

  /** JSON of `Signed` */
  @Column({ type: 'text' })
  signed!: string;
}
