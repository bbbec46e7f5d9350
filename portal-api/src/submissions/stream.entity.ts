import { Column, Entity, PrimaryColumn } from 'typeorm';
import { binary } from '../database/hex-column.js';

/** Counter of one order of delivery; its row lock makes `stream_seq` gap-free. */
@Entity('stream')
export class Stream {
  @PrimaryColumn(binary(16))
  stream!: string;

  /** who began it */
  @Column(binary(16))
  accountRef!: string;

  @Column({ ...binary(16), nullable: true })
  patientRef!: string | null;

  @Column({ type: 'int' })
  nextSeq!: number;
}
