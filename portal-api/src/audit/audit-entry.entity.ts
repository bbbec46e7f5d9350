import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn } from '../database/hex-column.js';

/** One link of the audit chain. Rows are inserted and never touched again; the process has no right to. */
@Entity('audit_entry')
export class AuditEntry {
  @PrimaryColumn({ type: 'bigint', transformer: { to: String, from: Number } })
  n!: number;

  /** canonical JSON of the entry, the bytes that are hashed */
  @Column({ type: 'text' })
  body!: string;

  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  hash!: string;
}
