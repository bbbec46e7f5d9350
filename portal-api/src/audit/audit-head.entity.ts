import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn } from '../database/hex-column.js';

/** The one row whose lock orders the audit chain: number and hash of the last entry. */
@Entity('audit_head')
export class AuditHead {
  @PrimaryColumn({ type: 'tinyint', unsigned: true })
  id!: number;

  @Column({ type: 'bigint', transformer: { to: String, from: Number } })
  n!: number;

  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  hash!: string;
}
