import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn, uuidColumn } from './columns.js';

/**
 * The newest request of a chart's patient for OpenEMR's own C-CDA. It goes when the chart is frozen, because the file may
 * show what belongs to another, and with the access.
 */
@Entity('ccd_request')
export class CcdRequest {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @Column({ name: 'submission_id', type: 'binary', length: 16, transformer: uuidColumn })
  submissionId!: string;

  /** `yyyy-MM-dd` in the clinic's time zone, like `toDay` inclusive; null is open */
  @Column({ name: 'from_day', type: 'char', length: 10, nullable: true })
  fromDay!: string | null;

  @Column({ name: 'to_day', type: 'char', length: 10, nullable: true })
  toDay!: string | null;

  /** when the ledger got it: the file shows OpenEMR as of later */
  @Column({ name: 'kept_at', type: 'datetime', precision: 3 })
  keptAt!: Date;
}

/** `document_id` of the blob of a C-CDA that was asked for; OpenEMR's own ids begin at 1. */
export const CCD_DOCUMENT = 0;

/** SQL: `fingerprint` of the blob that answers the request `r`, and no other. */
export const CCD_FINGERPRINT = 'UNHEX(SHA2(r.submission_id, 256))';
