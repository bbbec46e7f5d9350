import { Entity, PrimaryColumn } from 'typeorm';

/** The one row whose lock orders those who write audit entries. */
@Entity('audit_head')
export class AuditHead {
  @PrimaryColumn({ type: 'tinyint', unsigned: true })
  id!: number;
}
