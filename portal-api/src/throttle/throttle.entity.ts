import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn } from '../database/hex-column.js';

/** Failed tries of one bucket (a name, an address, an account's code); survives restarts and a flushed Redis. */
@Entity('throttle')
export class Throttle {
  /** HMAC of what the bucket counts, so that the table names nobody */
  @PrimaryColumn({ type: 'binary', length: 32, transformer: hexColumn })
  bucket!: string;

  @Column({ type: 'int' })
  failures!: number;

  @Column({ name: 'retry_at', type: 'datetime', precision: 3 })
  retryAt!: Date;

  /** since when the counted failures leak */
  @Column({ name: 'updated_at', type: 'datetime', precision: 3 })
  updatedAt!: Date;
}
