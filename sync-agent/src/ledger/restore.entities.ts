import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Signed } from 'sync-contract/signed';
import { jsonColumn, wholeColumn } from './columns.js';

/** An era that a restore began, with the root's statement of it. The first era has no row. */
@Entity('era')
export class Era {
  @PrimaryColumn({ type: 'int' })
  era!: number;

  @Column({ type: 'mediumtext', transformer: jsonColumn })
  signed!: Signed;

  @Column({ name: 'begun_at', type: 'datetime', precision: 3 })
  begunAt!: Date;

  /** OpenEMR's newest mail then: up to it the ledger need not know every delivery */
  @Column({ name: 'mails_up_to', type: 'bigint', transformer: wholeColumn })
  mailsUpTo!: number;
}

/**
 * What is left to do of a restore, each once. `era`: a backup was read in and its era has not begun, so nothing runs.
 * `reoffer`: the DMZ has to offer its outbox again. `streams`: it has to be told how far the streams are.
 * `refill`: it is owed everything again, later.
 */
export const RESTORE_STEPS = ['era', 'reoffer', 'streams', 'refill'] as const;
export type RestoreStepName = (typeof RESTORE_STEPS)[number];

@Entity('restore_step')
export class RestoreStep {
  @PrimaryColumn({ type: 'varchar', length: 16 })
  step!: RestoreStepName;
}

/**
 * A mail of OpenEMR that carries the marker of a delivery which this ledger did not know of when its era began. Found
 * again by the marker alone: whose name the mail is under may have changed since.
 */
@Entity('forgotten_delivery')
@Index('ix_forgotten_delivery_marker', ['marker'])
export class ForgottenDelivery {
  @PrimaryColumn({ name: 'mail_id', type: 'bigint', transformer: wholeColumn })
  mailId!: number;

  @Column({ type: 'varchar', length: 100 })
  marker!: string;
}
