import { Entity, PrimaryColumn } from 'typeorm';
import { hexColumn } from './columns.js';

/**
 * What was shown in this class of a frozen chart was given to another patient in OpenEMR: its sections leave the DMZ
 * until a person confirms. Rows go with the confirmation, or with the access.
 */
@Entity('withdrawn_class')
export class WithdrawnClass {
  @PrimaryColumn({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  @PrimaryColumn({ name: 'record_class', type: 'varchar', length: 32 })
  recordClass!: string;
}
