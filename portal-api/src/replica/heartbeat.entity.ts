import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The newest heartbeat; one row with id 1. */
@Entity('heartbeat')
export class HeartbeatRow {
  @PrimaryColumn({ type: 'tinyint', unsigned: true })
  id!: number;

  @Column({ type: 'int' })
  era!: number;

  @Column({ type: 'int' })
  seq!: number;

  /** JSON of `Signed` */
  @Column({ type: 'mediumtext' })
  signed!: string;

  /** 256 × 32 bytes in the order of the buckets */
  @Column({ type: 'blob' })
  bucketRoots!: Buffer;
}

/** Leaves under one bucket root of the newest heartbeat, JSON of `HeartbeatLeaf[]`. */
@Entity('heartbeat_bucket')
export class HeartbeatBucketRow {
  @PrimaryColumn({ type: 'tinyint', unsigned: true })
  bucket!: number;

  @Column({ type: 'mediumtext' })
  leaves!: string;
}
