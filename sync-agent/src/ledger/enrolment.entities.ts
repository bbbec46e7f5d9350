import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import type { Signed } from 'sync-contract/signed';
import { hexColumn, jsonColumn, wholeColumn } from './columns.js';

export const INVITE_STATES = ['open', 'accepted', 'void', 'expired'] as const;
export type InviteState = (typeof INVITE_STATES)[number];

/** One-time code issued inside. */
@Entity('invite')
export class Invite {
  @PrimaryColumn({ name: 'invite_id', type: 'binary', length: 5, transformer: hexColumn })
  inviteId!: string;

  @Index('ix_invite_pid')
  @Column({ type: 'bigint', transformer: wholeColumn })
  pid!: number;

  /** under the agent's wrap key, see `KeyStore.wrap('invite-secret', …)` */
  @Column({ name: 'secret_wrapped', type: 'varbinary', length: 128 })
  secretWrapped!: Buffer;

  @Column({ type: 'binary', length: 32, transformer: hexColumn })
  lookup!: string;

  @Column({ name: 'expires_at', type: 'datetime', precision: 3 })
  expiresAt!: Date;

  @Column({ name: 'tries_left', type: 'int', default: 5 })
  triesLeft!: number;

  @Column({ type: 'varchar', length: 8 })
  state!: InviteState;

  @Column({ name: 'account_ref', type: 'binary', length: 16, nullable: true, transformer: hexColumn })
  accountRef!: string | null;

  @Column({ name: 'pushed_at', type: 'datetime', precision: 3, nullable: true })
  pushedAt!: Date | null;
}

/** Permission of an account on a chart, as signed. */
@Entity('account_grant')
@Index('ix_account_grant_account', ['accountRef'])
@Index('ix_account_grant_patient', ['patientRef'])
export class AccountGrant {
  @PrimaryColumn({ name: 'grant_id', type: 'binary', length: 16, transformer: hexColumn })
  grantId!: string;

  @Column({ name: 'account_ref', type: 'binary', length: 16, transformer: hexColumn })
  accountRef!: string;

  @Column({ name: 'patient_ref', type: 'binary', length: 16, transformer: hexColumn })
  patientRef!: string;

  /** the account's X25519 public key, base64url */
  @Column({ name: 'public_key', type: 'varchar', length: 43 })
  publicKey!: string;

  @Column({ type: 'varchar', length: 8 })
  relation!: 'self' | 'proxy';

  /** JSON array of scopes */
  @Column({ type: 'varchar', length: 200, transformer: jsonColumn })
  scopes!: string[];

  @Column({ type: 'int' })
  epoch!: number;

  @Column({ type: 'mediumtext', transformer: jsonColumn })
  signed!: Signed;

  @Column({ type: 'varchar', length: 8 })
  state!: 'active' | 'revoked';

  @Column({ name: 'pushed_at', type: 'datetime', precision: 3, nullable: true })
  pushedAt!: Date | null;
}

/** An answer owed to the DMZ, sent until it is acknowledged. */
@Entity('outgoing')
@Index('ix_outgoing_pushed', ['pushedAt', 'id'])
export class Outgoing {
  @PrimaryGeneratedColumn({ type: 'bigint' })
  id!: string;

  @Column({ type: 'varchar', length: 16 })
  kind!: string;

  @Column({ type: 'mediumtext', transformer: jsonColumn })
  body!: object;

  @Column({ name: 'pushed_at', type: 'datetime', precision: 3, nullable: true })
  pushedAt!: Date | null;
}
