import { Column, Entity, PrimaryColumn } from 'typeorm';
import { hexColumn } from '../database/hex-column.js';

export const ACCOUNT_STATES = ['joining', 'active', 'revoked'] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

export const ENROLMENT_OUTCOMES = ['accepted', 'wrong-date', 'void'] as const;
export type EnrolmentOutcome = (typeof ENROLMENT_OUTCOMES)[number];

const NULLABLE_NUMBER = {
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};

/** A person's sign-in. Nothing in it is readable, or can be tested against a guess, without the pepper file. */
@Entity('account')
export class Account {
  @PrimaryColumn({ name: 'account_ref', type: 'binary', length: 16, transformer: hexColumn })
  accountRef!: string;

  /** HMAC of the normalised sign-in name under the blind-index key */
  @Column({ name: 'name_index', type: 'binary', length: 16, unique: true, transformer: hexColumn })
  nameIndex!: string;

  @Column({ type: 'binary', length: 16, transformer: hexColumn })
  salt!: string;

  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  verifier!: string;

  /** raw X25519 */
  @Column({ name: 'public_key', type: 'binary', length: 32, transformer: hexColumn })
  publicKey!: string;

  /** raw X25519 private half under the wrap key; empty once the account is revoked */
  @Column({ name: 'private_key_wrapped', type: 'varbinary', length: 128 })
  privateKeyWrapped!: Buffer;

  /** base32 secret under the TOTP key; empty once the account is revoked */
  @Column({ name: 'totp_wrapped', type: 'varbinary', length: 128 })
  totpWrapped!: Buffer;

  /** last time step a code was accepted for; only ever grows */
  @Column({ name: 'totp_last_step', type: 'bigint', nullable: true, transformer: NULLABLE_NUMBER })
  totpLastStep!: number | null;

  /** invite id and proof under the account's settings key, so that a mistyped date of birth can be retried */
  @Column({ name: 'enrolment_proof_sealed', type: 'varbinary', length: 512, nullable: true })
  enrolmentProofSealed!: Buffer | null;

  @Column({ type: 'varchar', length: 10 })
  state!: AccountState;

  /** the inside's answer to the last acceptance; written by the gateway */
  @Column({ name: 'enrolment_outcome', type: 'varchar', length: 12, nullable: true })
  enrolmentOutcome!: EnrolmentOutcome | null;

  @Column({ name: 'enrolment_tries_left', type: 'int', nullable: true })
  enrolmentTriesLeft!: number | null;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;

  /** when the inside ended the account; the row is forgotten some weeks later */
  @Column({ name: 'revoked_at', type: 'datetime', precision: 3, nullable: true })
  revokedAt!: Date | null;
}
