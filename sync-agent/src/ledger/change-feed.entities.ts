import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { wholeColumn } from './columns.js';

/** A class of a chart has changes at this binlog position that no acknowledged manifest contains. */
@Entity('dirty')
export class Dirty {
  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;

  @PrimaryColumn({ name: 'file_no', type: 'int' })
  fileNo!: number;

  @PrimaryColumn({ name: 'file_offset', type: 'bigint', transformer: wholeColumn })
  fileOffset!: number;

  /** how often this row was written: one that was written again since it was read is not deleted */
  @Column({ type: 'int', default: 1 })
  touches!: number;
}

/** A row of OpenEMR that the last render of a chart used. */
@Entity('source_row')
@Index('ix_source_row_pid', ['pid', 'recordClass'])
export class SourceRowOfChart {
  @PrimaryColumn({ name: 'table_name', type: 'varchar', length: 64 })
  tableName!: string;

  @PrimaryColumn({ name: 'row_key', type: 'varchar', length: 190 })
  rowKey!: string;

  @PrimaryColumn({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;
}

/** How far the change feed's transactions are in `dirty`; one row. */
@Entity('feed_position')
export class FeedPosition {
  @PrimaryColumn({ type: 'tinyint' })
  id!: number;

  @Column({ name: 'file_no', type: 'int' })
  fileNo!: number;

  @Column({ name: 'file_offset', type: 'bigint', transformer: wholeColumn })
  fileOffset!: number;

  /** of the last transaction; tells a binlog that was reset from the one that was read */
  @Column({ type: 'varchar', length: 100, nullable: true })
  gtid!: string | null;

  /** grows whenever positions of before mean nothing any more */
  @Column({ type: 'int', default: 1 })
  generation!: number;

  /** start of the server when it was last connected to, by its own clock */
  @Column({ name: 'server_start', type: 'datetime', nullable: true })
  serverStart!: Date | null;

  /**
   * the database's clock when the feed last began anew, or its newest marker of before when that is later; null when it has
   * not begun anew since the clock was set back
   */
  @Column({ name: 'clock_at', type: 'datetime', precision: 6, nullable: true })
  clockAt!: Date | null;

  @Column({ name: 'committed_at', type: 'datetime', precision: 3 })
  committedAt!: Date;
}

/** Written by the agent with the database's clock; the change feed reads it back from the binlog. UTC. */
@Entity('clock_marker')
export class ClockMarker {
  @PrimaryColumn({ type: 'tinyint' })
  id!: number;

  @Column({ type: 'datetime', precision: 6 })
  at!: Date;
}

/** Every transaction committed before `at` has been seen when the feed stands at this position. UTC. */
@Entity('marker_seen')
export class MarkerSeen {
  @PrimaryColumn({ name: 'file_no', type: 'int' })
  fileNo!: number;

  @PrimaryColumn({ name: 'file_offset', type: 'bigint', transformer: wholeColumn })
  fileOffset!: number;

  @Column({ type: 'datetime', precision: 6 })
  at!: Date;
}

/** Number of the last heartbeat, committed before it is sent; one row. */
@Entity('heartbeat_state')
export class HeartbeatState {
  @PrimaryColumn({ type: 'tinyint' })
  id!: number;

  @Column({ type: 'int' })
  era!: number;

  @Column({ type: 'bigint', transformer: wholeColumn })
  seq!: number;

  /** why the agent does nothing until a new era begins, as the operator reads it */
  @Column({ name: 'stopped_reason', type: 'varchar', length: 500, nullable: true })
  stoppedReason!: string | null;

  /** of this era the highest that the gateway is known to have taken; may lag by one */
  @Column({ name: 'acked_seq', type: 'bigint', default: 0, transformer: wholeColumn })
  ackedSeq!: number;

  /** when a restored DMZ was last given everything again */
  @Column({ name: 'refilled_at', type: 'datetime', precision: 3, nullable: true })
  refilledAt!: Date | null;
}

/** How far polling is; one row, none while the binlog is read. */
@Entity('polling')
export class Polling {
  @PrimaryColumn({ type: 'tinyint' })
  id!: number;

  /** the last full pass, by the database's clock; what was committed before is in all that it marked. UTC. */
  @Column({ name: 'pass_began', type: 'datetime', precision: 6 })
  passBegan!: Date;

  /** the last patient that it marked; null when it has marked all */
  @Column({ name: 'passed_pid', type: 'bigint', nullable: true, transformer: wholeColumn })
  passedPid!: number | null;

  /** the clinic's clock at the last quick look */
  @Column({ name: 'looked_at', type: 'datetime' })
  lookedAt!: Date;

  /** JSON object: the highest key that was seen, by table of OpenEMR */
  @Column({ name: 'last_keys', type: 'text' })
  lastKeys!: string;
}
