import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Signed } from 'sync-contract/signed';
import { hexColumn, jsonColumn, wholeColumn } from './columns.js';

/** Where a chart stands towards the DMZ. `attempted_seq` is committed before every push, so it never lags behind one. */
@Entity('chart')
export class Chart {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @Index('uq_chart_pid', { unique: true })
  @Column({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  @Column({ type: 'int' })
  era!: number;

  /** highest acknowledged by the gateway; 0 before the first push */
  @Column({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  @Column({ name: 'attempted_seq', type: 'bigint', transformer: wholeColumn })
  attemptedSeq!: number;

  /** generation of the chart key */
  @Column({ type: 'int' })
  epoch!: number;

  /** chart key under the agent's wrap key, see `KeyStore.wrap('chart-key', …)` */
  @Column({ name: 'chart_key_wrapped', type: 'varbinary', length: 128 })
  chartKeyWrapped!: Buffer;

  /** signed manifest that was acknowledged last */
  @Column({ type: 'mediumtext', nullable: true, transformer: jsonColumn })
  manifest!: Signed | null;

  @Column({ name: 'manifest_hash', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  manifestHash!: string | null;

  /**
   * The chart's own T, whatever the markers say, until the dirty rows that it was written for are rendered; null: T follows
   * from the markers. Written under the feed's lock: when markers that these rows need are dropped, and of every chart when
   * the feed begins anew, which makes all of them dirty. 1970 when it is not known, or was before the clock was set back.
   * A chart in the DMZ without dirty rows has none: it would be an exception until its next change.
   */
  @Column({ name: 'failed_t', type: 'datetime', precision: 6, nullable: true })
  failedT!: Date | null;

  /** why the chart is not replicated until a new era begins, as the operator reads it */
  @Column({ name: 'stopped_reason', type: 'varchar', length: 500, nullable: true })
  stoppedReason!: string | null;

  /** 1: the manifest that was acknowledged last says that the chart is frozen */
  @Column({ name: 'frozen_shown', type: 'tinyint', default: 0 })
  frozenShown!: number;

  /** 1: the list of documents that was settled last offers C-CDAs, or says that decisions hold them back; 2: not known */
  @Column({ name: 'offers_ccd', type: 'tinyint', default: 0 })
  offersCcd!: number;

  /** when a render of it was settled last; of how many charts in the last minute is the rate of a load */
  @Index('ix_chart_rendered_at')
  @Column({ name: 'rendered_at', type: 'datetime', precision: 3, nullable: true })
  renderedAt!: Date | null;
}
