import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { binary } from '../database/hex-column.js';

/** Sealed bytes of a document that a chart's section `documents` names. What it says here is not trusted. */
@Entity('document_blob')
@Index('ix_document_blob_patient_ref', ['patientRef'])
export class DocumentBlob {
  @PrimaryColumn(binary(16))
  blobId!: string;

  @Column(binary(16))
  patientRef!: string;

  @Column({ type: 'int' })
  chunks!: number;

  /** all sealed bytes */
  @Column({ type: 'int' })
  size!: number;

  /** of all sealed bytes */
  @Column(binary(32))
  sha256!: string;

  @Column({ type: 'datetime', precision: 3 })
  createdAt!: Date;

  /** null while chunks are still coming */
  @Column({ type: 'datetime', precision: 3, nullable: true })
  completedAt!: Date | null;
}

@Entity('document_chunk')
export class DocumentChunk {
  @PrimaryColumn(binary(16))
  blobId!: string;

  /** 0, 1, … */
  @PrimaryColumn({ type: 'int' })
  n!: number;

  @Column({ type: 'mediumblob' })
  sealed!: Buffer;
}
