import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { binary, hexColumn } from '../database/hex-column.js';

/**
 * One link of the audit chain. Rows are inserted and never touched again; the process has no right to. What is shown of an
 * entry comes from its body; the references beside it, which no hash holds, only find it.
 */
@Entity('audit_entry')
@Index('ix_audit_entry_account_ref', ['accountRef'])
@Index('ix_audit_entry_patient_ref', ['patientRef'])
export class AuditEntry {
  @PrimaryColumn({ type: 'bigint', transformer: { to: String, from: Number } })
  n!: number;

  /** canonical JSON of the entry, the bytes that are hashed */
  @Column({ type: 'text' })
  body!: string;

  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  hash!: string;

  /** who acted; null of the agent and of strangers */
  @Column({ ...binary(16), nullable: true })
  accountRef!: string | null;

  /** on whose chart, when an account acted */
  @Column({ ...binary(16), nullable: true })
  patientRef!: string | null;
}
