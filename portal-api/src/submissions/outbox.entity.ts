import { Column, Entity, Generated, Index, PrimaryColumn } from 'typeorm';
import { binary, uuid } from '../database/hex-column.js';

export const OUTBOX_STATES = ['NEW', 'LEASED', 'ACKED'] as const;
export type OutboxState = (typeof OUTBOX_STATES)[number];

/** An envelope waiting for the agent. `ACKED` means: durable inside. */
@Entity('outbox')
@Index('ux_outbox_position', ['position'], { unique: true })
@Index('ux_outbox_stream_seq', ['stream', 'streamSeq'], { unique: true })
@Index('ux_outbox_idempotency_key', ['accountRef', 'idempotencyKey'], { unique: true })
@Index('ix_outbox_state_position', ['state', 'position'])
export class OutboxRow {
  @PrimaryColumn(uuid())
  submissionId!: string;

  @Column({ type: 'bigint' })
  @Generated('increment')
  position!: string;

  @Column(binary(16))
  accountRef!: string;

  @Column({ ...binary(16), nullable: true })
  patientRef!: string | null;

  @Column(binary(16))
  stream!: string;

  @Column({ type: 'int' })
  streamSeq!: number;

  @Column({ type: 'varchar', length: 32 })
  kind!: string;

  /** JSON of `Envelope` */
  @Column({ type: 'mediumtext' })
  envelope!: string;

  @Column({ type: 'varchar', length: 6 })
  state!: OutboxState;

  @Column({ ...binary(16), nullable: true })
  lease!: string | null;

  @Column({ type: 'datetime', precision: 3, nullable: true })
  leasedUntil!: Date | null;

  @Column({ type: 'datetime', precision: 3, nullable: true })
  ackedAt!: Date | null;

  @Column({ type: 'varchar', length: 64 })
  idempotencyKey!: string;

  /** HMAC of the request body under a key that the database does not hold: equal bodies cannot be found by guessing */
  @Column(binary(32))
  bodyMac!: string;

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date;
}
