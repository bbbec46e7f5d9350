import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { hexColumn } from './columns.js';

/**
 * `wanted`: to be fetched and sent. `held`: the gateway has it whole. `none`: OpenEMR has no bytes, see `reason`. `gone`:
 * no list names it any more; the gateway is to delete it.
 */
export const BLOB_STATES = ['wanted', 'held', 'none', 'gone'] as const;
export type BlobState = (typeof BLOB_STATES)[number];

/** The bytes of one document of one chart, from the list's first naming them to their deletion in the DMZ. */
@Entity('document_blob')
@Index('ix_document_blob_patient_ref', ['patientRef'])
@Index('ix_document_blob_due', ['state', 'retryAt'])
export class DocumentBlob {
  /** random: the DMZ learns nothing from it */
  @PrimaryColumn({ name: 'blob_id', type: 'binary', length: 16, transformer: hexColumn })
  blobId!: string;

  @Column({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  /** OpenEMR's `documents.id`; `CCD_DOCUMENT` for a C-CDA that the patient asked for */
  @Column({ name: 'document_id', type: 'int' })
  documentId!: number;

  /** of what OpenEMR's row says of the bytes; another one needs another blob */
  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  fingerprint!: string;

  /** name of the bytes in OpenEMR's API; null until OpenEMR has given one, or has made the C-CDA */
  @Column({ type: 'varchar', length: 36, nullable: true })
  uuid!: string | null;

  /** content key under the agent's wrap key, see `KeyStore.wrap('content-key', …)` */
  @Column({ name: 'key_wrapped', type: 'varbinary', length: 128 })
  keyWrapped!: Buffer;

  @Column({ type: 'varchar', length: 8 })
  state!: BlobState;

  /** why there are no bytes; null unless `none` */
  @Column({ type: 'varchar', length: 16, nullable: true })
  reason!: string | null;

  /** of the content that the key seals, written before anything is sent: a key never seals two */
  @Column({ name: 'content_sha256', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  contentSha256!: string | null;

  /** bytes of the content */
  @Column({ type: 'int', nullable: true })
  size!: number | null;

  /** of the sealed bytes */
  @Column({ name: 'sealed_sha256', type: 'binary', length: 32, nullable: true, transformer: hexColumn })
  sealedSha256!: string | null;

  @Column({ type: 'int' })
  failures!: number;

  /** not before this moment; null: at once */
  @Column({ name: 'retry_at', type: 'datetime', precision: 3, nullable: true })
  retryAt!: Date | null;
}
